"""Prices a cart with the rules, rates and cards of this moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from app.core.database import Database
from app.giftcards.service import FoundCard, find_cards
from app.pricing.basket import Item, Priced, Promotion
from app.pricing.engine import price
from app.pricing.taxes import Place
from app.promotions.service import add_collections, find_promotions, find_shopper, show_code
from app.taxes.service import read_taxes

# A second code of a promotion that a first one already brings does nothing either.
UNKNOWN = "is not known, or does the same as another code of the cart"


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher code or gift card in the cart: what it does, or why it does nothing."""

    # What takes it out of the cart again. A gift card's code is nowhere kept: it is known by its last four.
    id: Annotated[str, msgspec.Meta(examples=["SUMMER10"])]
    kind: str
    label: str
    applies: bool
    detail: str
    amount: int


class Quote(msgspec.Struct, frozen=True):
    """The priced cart, what became of each code, and why some codes will never apply."""

    priced: Priced
    codes: list[Code]
    dead: dict[str, str]


async def quote(
    database: Database,
    items: Sequence[Item],
    *,
    codes: Sequence[str],
    cards: Sequence[int],
    place: Place | None,
    shipping: int = 0,
    email: str | None = None,
) -> Quote:
    """Price the items. Without a place, prices are those of the store's home."""
    taxes = await read_taxes(database)
    promotions = await find_promotions(database, codes)
    found = await find_cards(database, cards)
    priced = price(
        await add_collections(database, items, promotions),
        taxes=taxes.table,
        place=place or taxes.home,
        now=datetime.now(UTC),
        shipping=shipping,
        promotions=promotions,
        shopper=await find_shopper(database, email, promotions),
        cards=[one.card for one in found if one.is_valid],
    )
    by_code = {one.code: one for one in promotions if one.code}
    listed = [_show_voucher(code, by_code.get(code), priced) for code in codes]
    dead = {code: UNKNOWN for code in codes if code not in by_code}
    dead |= {
        one.code: priced.refusals[one.id].reason
        for one in promotions
        if one.code and one.id in priced.refusals and priced.refusals[one.id].final
    }
    return Quote(priced, listed + [_show_card(one, priced) for one in found], dead)


def _show_voucher(code: str, promotion: Promotion | None, priced: Priced) -> Code:
    applied = [one for one in priced.benefits if one.code == code]
    if applied:
        reason = applied[0].title
    elif promotion is None:
        reason = UNKNOWN
    else:
        reason = priced.refusals[promotion.id].reason
    return Code(
        id=code,
        kind="voucher",
        label=show_code(code),
        applies=bool(applied),
        detail=reason,
        amount=sum(one.amount + one.shipping for one in applied),
    )


def _show_card(found: FoundCard, priced: Priced) -> Code:
    paid = sum(payment.amount for payment in priced.payments if payment.card.id == found.card.id)
    if paid:
        detail = "pays a part, as much as is needed"
    elif not found.is_valid:
        detail = "is no longer valid"
    else:
        detail = "is empty" if not found.card.balance else "is not needed: nothing is left to pay"
    return Code(
        id=f"gift-card-{found.card.id}",
        kind="gift_card",
        label=f"Gift card ending in {found.card.last}",
        applies=paid > 0,
        detail=detail,
        amount=paid,
    )
