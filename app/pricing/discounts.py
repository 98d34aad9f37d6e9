"""Which promotions apply to a basket, and what each takes off each line.

Never more than a line has left, never dependent on the order of the lines: they are worked on in the order of
their variants, and an amount is shared by the method of largest remainders, ties going to the lower variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.core.money import format_money
from app.pricing.basket import (
    WHOLE,
    AmountOff,
    BuyGet,
    FreeShipping,
    Item,
    PercentOff,
    Promotion,
    Refusal,
    Shopper,
    Tiers,
)


class Cut(msgspec.Struct, frozen=True):
    """What a promotion takes off: by line, in the order of the items, and off the delivery."""

    promotion: Promotion
    lines: tuple[int, ...]
    shipping: int

    @property
    def amount(self) -> int:
        return sum(self.lines)


def round_half_up(numerator: int, denominator: int) -> int:
    """The quotient of two numbers that are not negative, to the nearest whole; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Part `amount` in proportion to `weights`, in whole units that add up to it exactly.

    A part is never greater than its weight as long as `amount` is not greater than their sum.
    """
    whole = sum(weights)
    if whole == 0:
        return (0,) * len(weights)
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % whole), at))
    for at in by_remainder[:left]:
        parts[at] += 1
    return tuple(parts)


def refuse(promotion: Promotion, items: Sequence[Item], shopper: Shopper, now: datetime) -> Refusal | None:
    """Why the promotion does not apply; None when its conditions hold."""
    if reason := _refuse_now(promotion, now) or _refuse_shopper(promotion, shopper):
        return Refusal(reason, final=True)
    if reason := _refuse_items(promotion, items):
        return Refusal(reason, final=False)
    return None


def choose_cuts(
    items: Sequence[Item], shipping: int, promotions: Sequence[Promotion]
) -> tuple[list[Cut], set[int]]:
    """The cuts of those promotions that may go together and save the shopper most; which were left out.

    `items` in the order of their variants; `promotions` are those whose conditions hold.
    """
    ordered = sorted(promotions, key=lambda one: (one.priority, one.id))
    together = _without_rivals(items, shipping, [one for one in ordered if not one.exclusive])
    ways = [together, *([one] for one in ordered if one.exclusive)]
    best = max((_apply(items, shipping, way) for way in ways), key=_saving)
    chosen = {cut.promotion.id for cut in best}
    return best, {one.id for one in ordered if one.id not in chosen}


def _refuse_now(promotion: Promotion, now: datetime) -> str | None:
    if promotion.is_off:
        return "is no longer valid"
    if promotion.starts_at and now < promotion.starts_at:
        return f"is valid from {promotion.starts_at:%d %B %Y} on"
    if promotion.ends_at and now >= promotion.ends_at:
        return f"expired on {promotion.ends_at:%d %B %Y}"
    return "has been used up" if promotion.is_spent else None


def _refuse_shopper(promotion: Promotion, shopper: Shopper) -> str | None:
    if promotion.first_order and shopper.has_ordered:
        return "is for a first order only"
    if promotion.per_customer and shopper.uses.get(promotion.id, 0) >= promotion.per_customer:
        return "was used as often as it may be with this e-mail address"
    return None


def _refuse_items(promotion: Promotion, items: Sequence[Item]) -> str | None:
    meant = [item for item in items if promotion.is_for(item)]
    if not meant:
        return "is for products that are not in the cart"
    spent = sum(item.amount for item in meant)
    if spent < promotion.minimum_spend:
        missing = format_money(promotion.minimum_spend - spent)
        return f"needs a purchase of {format_money(promotion.minimum_spend)}: {missing} more"
    quantity = sum(item.quantity for item in meant)
    least = max(promotion.minimum_quantity, _least_quantity(promotion))
    if quantity < least:
        return f"needs {least} units of what it is for: {least - quantity} more"
    return None


def _least_quantity(promotion: Promotion) -> int:
    match promotion.action:
        case BuyGet(buy, get):
            return buy + get
        case Tiers(steps):
            return min(step.quantity for step in steps)
    return 1


def _without_rivals(items: Sequence[Item], shipping: int, promotions: list[Promotion]) -> list[Promotion]:
    best: dict[str, tuple[int, Promotion]] = {}
    for one in promotions:
        saving = _saving(_apply(items, shipping, [one]))
        if one.group and (one.group not in best or saving > best[one.group][0]):
            best[one.group] = (saving, one)
    return [one for one in promotions if not one.group or best[one.group][1].id == one.id]


def _saving(cuts: list[Cut]) -> int:
    return sum(cut.amount + cut.shipping for cut in cuts)


def _apply(items: Sequence[Item], shipping: int, promotions: Sequence[Promotion]) -> list[Cut]:
    left = [item.amount for item in items]
    cuts = []
    for promotion in promotions:
        lines = _cut_lines(promotion, items, left)
        cut = Cut(promotion, lines, shipping if isinstance(promotion.action, FreeShipping) else 0)
        left = [amount - off for amount, off in zip(left, lines, strict=True)]
        shipping -= cut.shipping
        cuts.append(cut)
    return cuts


def _cut_lines(promotion: Promotion, items: Sequence[Item], left: list[int]) -> tuple[int, ...]:
    weights = [amount if promotion.is_for(item) else 0 for item, amount in zip(items, left, strict=True)]
    base = sum(weights)
    match promotion.action:
        case PercentOff(percent):
            return share(round_half_up(base * percent, WHOLE), weights)
        case AmountOff(amount):
            return share(min(amount, base), weights)
        case Tiers(steps):
            quantity = sum(item.quantity for item in items if promotion.is_for(item))
            percent = max((step.percent for step in steps if step.quantity <= quantity), default=0)
            return share(round_half_up(base * percent, WHOLE), weights)
        case BuyGet() as action:
            return _cut_cheapest(promotion, action, items, left)
        case FreeShipping():
            return (0,) * len(items)


def _cut_cheapest(
    promotion: Promotion, action: BuyGet, items: Sequence[Item], left: list[int]
) -> tuple[int, ...]:
    meant = [at for at, item in enumerate(items) if promotion.is_for(item)]
    units = sum(items[at].quantity for at in meant) // (action.buy + action.get) * action.get
    cuts = [0] * len(items)
    for at in sorted(meant, key=lambda at: (items[at].price, at)):
        reduced = min(units, items[at].quantity)
        cuts[at] = round_half_up(left[at] * reduced * action.percent, items[at].quantity * WHOLE)
        units -= reduced
    return tuple(cuts)
