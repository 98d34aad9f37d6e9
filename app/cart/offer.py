"""What a cart costs its shopper now, and the codes that make it cost less."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

import msgspec

from app.cart import queries
from app.cart.records import Cart, CartBenefit, CartRecord, LineBenefit, Totals
from app.cart.service import cart_changed, check_open, read_cart
from app.core.cache import Cache
from app.core.database import Database
from app.core.money import Money
from app.core.problems import NotFound, Problem
from app.giftcards.service import find_by_code
from app.pricing.service import Quote, quote
from app.pricing.taxes import Place
from app.promotions.service import clean_code

# More of each than anybody collects.
MOST_CODES = 5
# Wrong codes of one address: room for slips, none for guessing.
MOST_WRONG = 20
WRONG_SECONDS = 10 * 60
# The cart may change between reading and writing it.
ATTEMPTS = 3
_CARD_ID = re.compile(r"gift-card-(\d{1,18})")


class CodeRefused(Problem):
    """The code does nothing and will not: 422 with the reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(422, "code-refused", "The code was not accepted", f"{code} {reason}.", code=code)


async def show(database: Database, record: CartRecord) -> Cart:
    """The cart as it is shown before checkout: without delivery, taxed where its shopper is known to be."""
    return fill_in(record.cart, await price_cart(database, record))


async def price_cart(
    database: Database,
    record: CartRecord,
    *,
    contact: Mapping[str, str] | None = None,
    shipping: int = 0,
) -> Quote:
    """Price the cart for `contact` (country, region, postcode, email), or for whom it was given before."""
    contact = contact or record.details.get("contact") or {}
    place = Place(contact["country"], contact["region"], contact["postcode"]) if contact else None
    return await quote(
        database,
        record.sold,
        codes=record.codes,
        cards=record.gift_cards,
        place=place,
        shipping=shipping,
        email=contact.get("email"),
    )


def fill_in(cart: Cart, offer: Quote) -> Cart:
    """The cart with its discounts and taxes."""
    priced = offer.priced
    lines = [
        msgspec.structs.replace(
            line,
            discount=Money(part.discount),
            benefits=[LineBenefit(one.title, Money(one.amount)) for one in part.shares],
        )
        for line, part in zip(cart.lines, priced.lines, strict=True)
    ]
    totals = Totals(
        cart.totals.quantity,
        cart.totals.subtotal,
        Money(priced.discount),
        Money(priced.tax),
        priced.tax_included,
        Money(priced.total),
        Money(priced.gift_card),
    )
    benefits = [
        CartBenefit(one.title, one.code, Money(one.amount), Money(one.shipping)) for one in priced.benefits
    ]
    return msgspec.structs.replace(cart, lines=lines, totals=totals, benefits=benefits, codes=offer.codes)


async def put_code(database: Database, cache: Cache, cart_id: uuid.UUID, text: str, *, address: str) -> None:
    """Put a voucher's or gift card's code into the cart.

    One that may come to apply (the cart is too small yet) is accepted. Raises CodeRefused, and Problem 429
    for the address that sent too many wrong ones.
    """
    key = f"codes:wrong:{address}"
    if int(await cache.get(key) or 0) >= MOST_WRONG:
        raise _too_many(WRONG_SECONDS)
    for _ in range(ATTEMPTS):
        record = await _find_open(database, cart_id)
        try:
            codes, cards = await _with_code(database, record, text.strip())
        except CodeRefused:
            await cache.count(key, WRONG_SECONDS)
            raise
        if await _save(database, record, codes, cards):
            return
    raise cart_changed()


async def explain_code(database: Database, record: CartRecord, text: str) -> str | None:
    """Why the cart does not take the code; None when it would."""
    try:
        await _with_code(database, record, text.strip())
    except CodeRefused as refused:
        return refused.detail
    return None


async def drop_code(database: Database, cart_id: uuid.UUID, id: str) -> None:
    """Take a code out, by the id that the cart lists. Raises NotFound."""
    for _ in range(ATTEMPTS):
        record = await _find_open(database, cart_id)
        codes, cards = list(record.codes), list(record.gift_cards)
        card = _CARD_ID.fullmatch(id)
        if card and int(card[1]) in cards:
            cards.remove(int(card[1]))
        elif (code := clean_code(id)) in codes:
            codes.remove(code or "")
        else:
            raise NotFound(f"There is no code {id!r} in the cart.")
        if await _save(database, record, codes, cards):
            return
    raise cart_changed()


async def _with_code(database: Database, record: CartRecord, text: str) -> tuple[list[str], list[int]]:
    shown = repr(text[:40])
    code = clean_code(text)
    if code is None:
        raise CodeRefused(shown, "is not a code: it has 3 to 32 letters and digits")
    codes, cards = list(record.codes), list(record.gift_cards)
    if code in codes:
        return codes, cards
    found = await find_by_code(database, code)
    if found is not None:
        if not found.is_valid:
            raise CodeRefused(shown, "is a gift card that is no longer valid")
        if not found.card.balance:
            raise CodeRefused(shown, "is a gift card that has been spent")
        if found.card.id not in cards:
            cards.append(found.card.id)
    else:
        reason = await _refusal(database, record, code)
        if reason is not None:
            raise CodeRefused(shown, reason)
        codes.append(code)
    if max(len(codes), len(cards)) > MOST_CODES:
        raise CodeRefused(shown, f"is one too many: a cart takes {MOST_CODES}")
    return codes, cards


async def _refusal(database: Database, record: CartRecord, code: str) -> str | None:
    offer = await price_cart(database, msgspec.structs.replace(record, codes=[*record.codes, code]))
    return offer.dead.get(code)


async def _find_open(database: Database, cart_id: uuid.UUID) -> CartRecord:
    record = await read_cart(database, cart_id)
    check_open(record.cart)
    return record


async def _save(database: Database, record: CartRecord, codes: list[str], cards: list[int]) -> bool:
    async with database.connection() as connection:
        saved = await connection.fetchval(queries.PUT_CODES, record.cart.id, record.version, codes, cards)
    return saved is not None


def _too_many(seconds: int) -> Problem:
    detail = f"Too many wrong codes came from your address. Please try again in {seconds // 60} minutes."
    return Problem(429, "too-many-codes", "Too many wrong codes", detail, retry_after=seconds)
