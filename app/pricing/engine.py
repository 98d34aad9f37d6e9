"""Prices a basket: the one function that says what an order costs. No clock, no database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.pricing.basket import (
    Benefit,
    GiftCard,
    Item,
    Payment,
    Priced,
    PricedLine,
    Promotion,
    Refusal,
    Share,
    Shopper,
)
from app.pricing.discounts import Cut, choose_cuts, refuse
from app.pricing.taxes import Place, TaxTable, tax_of

# What a promotion is told to which better ones were preferred.
NOT_TOGETHER = Refusal("does not go together with the better discount that applies", final=False)


def price(
    items: Sequence[Item],
    *,
    taxes: TaxTable,
    place: Place,
    now: datetime,
    shipping: int = 0,
    promotions: Sequence[Promotion] = (),
    shopper: Shopper | None = None,
    cards: Sequence[GiftCard] = (),
) -> Priced:
    """Apply promotions, then taxes on what is left, then gift cards, in the order in which they were put in.

    Delivery is taxed at the highest rate among the items it brings.
    """
    ordered = sorted(items, key=lambda item: item.variant)
    refusals: dict[int, Refusal] = {}
    valid = []
    for promotion in promotions:
        refusal = refuse(promotion, ordered, shopper or Shopper(), now)
        if refusal is None:
            valid.append(promotion)
        else:
            refusals[promotion.id] = refusal
    cuts, left_out = choose_cuts(ordered, shipping, valid)
    refusals |= dict.fromkeys(left_out, NOT_TOGETHER)
    included = taxes.is_included(place.country)
    lines = {
        item.variant: _price_line(
            item, at, cuts, rate=taxes.find(place, item.tax_class), tax_included=included
        )
        for at, item in enumerate(ordered)
    }
    shipping -= sum(cut.shipping for cut in cuts)
    shipping_rate = max((line.tax_rate for line in lines.values()), default=0)
    shipping_tax = tax_of(shipping, shipping_rate, included=included)
    subtotal = sum(item.amount for item in ordered)
    discount = sum(line.discount for line in lines.values())
    tax = sum(line.tax for line in lines.values()) + shipping_tax
    total = subtotal - discount + shipping + (0 if included else tax)
    return Priced(
        lines=tuple(lines[item.variant] for item in items),
        subtotal=subtotal,
        discount=discount,
        shipping=shipping,
        shipping_tax=shipping_tax,
        shipping_tax_rate=shipping_rate,
        tax=tax,
        tax_included=included,
        total=total,
        benefits=tuple(
            Benefit(cut.promotion.id, cut.promotion.title, cut.promotion.code, cut.amount, cut.shipping)
            for cut in cuts
        ),
        payments=_pay(total, cards),
        refusals=refusals,
    )


def _price_line(item: Item, at: int, cuts: Sequence[Cut], *, rate: int, tax_included: bool) -> PricedLine:
    shares = tuple(Share(cut.promotion.title, cut.lines[at]) for cut in cuts if cut.lines[at])
    discount = sum(one.amount for one in shares)
    return PricedLine(
        variant=item.variant,
        amount=item.amount,
        discount=discount,
        tax=tax_of(item.amount - discount, rate, included=tax_included),
        tax_rate=rate,
        shares=shares,
    )


def _pay(total: int, cards: Sequence[GiftCard]) -> tuple[Payment, ...]:
    payments = []
    for card in cards:
        amount = min(card.balance, total)
        if amount:
            payments.append(Payment(card, amount))
        total -= amount
    return tuple(payments)
