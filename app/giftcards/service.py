"""Verbs on gift cards. Whoever changes a balance writes the event with it, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.core.database import Connection, Database
from app.core.money import CURRENCY
from app.giftcards import queries
from app.pricing.basket import GiftCard
from app.promotions.service import make_code

# A typing error costs no more than this: 10,000.00.
MOST = 1_000_000


class FoundCard(msgspec.Struct, frozen=True):
    """A card, and whether it may be used: not switched off, not expired."""

    card: GiftCard
    is_valid: bool


async def find_cards(database: Database, ids: Sequence[int]) -> list[FoundCard]:
    """The cards in the order of the ids."""
    if not ids:
        return []
    rows = {row["id"]: row for row in await database.fetch(queries.USABLE, ids)}
    return [
        FoundCard(GiftCard(row["id"], row["last4"], row["balance"]), row["is_valid"])
        for row in (rows[id] for id in ids if id in rows)
    ]


async def find_by_code(database: Database, code: str) -> FoundCard | None:
    """The card with this code, as `promotions.service.clean_code` writes it."""
    row = await database.fetchrow(queries.BY_HASH, _hash(code))
    if row is None:
        return None
    return FoundCard(GiftCard(row["id"], row["last4"], row["balance"]), row["is_valid"])


async def issue(
    connection: Connection, amount: int, *, actor: str, note: str = "", expires_at: datetime | None = None
) -> tuple[int, str]:
    """Make a card; returns its id and its code, which is nowhere kept. Raises ValueError."""
    if not 0 < amount <= MOST:
        raise ValueError(f"a gift card of {amount}: it must be from 1 to {MOST} minor units")
    code = make_code()
    card: int = await connection.fetchval(
        queries.ISSUE, _hash(code), code[-4:], CURRENCY, amount, expires_at, note, actor
    )
    return card, code


async def give_back(connection: Connection, order_id: int, amount: int, *, key: str, actor: str = "") -> int:
    """Give back up to `amount` of what the order took from gift cards; the same key gives back once.

    Returns how much went back, in a transaction that the caller opened; the rest is the gateway's to refund.
    """
    cards = await connection.fetch(queries.OF_ORDER, order_id)
    await connection.execute(queries.LOCK, [row["id"] for row in cards])
    # Read again under the locks: another refund may have been faster.
    if await connection.fetchval(queries.BOOKED, order_id, key):
        return 0
    left = amount
    for row in await connection.fetch(queries.OF_ORDER, order_id):
        part = min(left, row["amount"])
        if part > 0:
            await connection.fetchval(queries.BOOK, row["id"], "given_back", part, order_id, key, actor)
            left -= part
    return amount - left


async def keep_only(connection: Connection, order_id: int, keep: int, *, actor: str = "") -> int:
    """Give back what the order has of gift cards beyond `keep`; returns how much.

    It looks at what was given back before, so it may run as often as one likes: for orders of which units
    were cancelled. A cancelled order gives all of it back by itself.
    """
    cards = await connection.fetch(queries.OF_ORDER, order_id)
    await connection.execute(queries.LOCK, [row["id"] for row in cards])
    has = sum(row["amount"] for row in await connection.fetch(queries.OF_ORDER, order_id))
    if has <= keep:
        return 0
    return await give_back(connection, order_id, has - keep, key=f"kept:{order_id}:{keep}", actor=actor)


async def release(connection: Connection, order_id: int) -> None:
    """Give back all that an order used that ended: gift cards, uses of promotions, codes."""
    await connection.fetchval(queries.RELEASE, order_id)


async def adjust(connection: Connection, card: int, amount: int, *, key: str, actor: str) -> None:
    """Book a correction, up or down. Raises CheckViolationError below a balance of zero."""
    await connection.fetchval(queries.BOOK, card, "adjusted", amount, None, key, actor)


def _hash(code: str) -> bytes:
    # No salt and no slow hash: a code is 80 random bits, which cannot be tried through.
    return hashlib.sha256(code.encode()).digest()
