"""Gift cards as staff and other systems see them: found, read with their history, blocked. No codes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.giftcards import queries


class EventKind(StrEnum):
    """What happened to a card's balance."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    GIVEN_BACK = "given_back"
    ADJUSTED = "adjusted"


class CardRecord(msgspec.Struct, kw_only=True):
    """A card, blocked or not; the last four characters tell its code from others."""

    id: int
    last4: str
    currency: str
    balance: int
    active: bool
    expires_at: datetime | None
    note: str
    created_at: datetime


class EventRecord(msgspec.Struct, kw_only=True):
    """A line of a card's ledger; what was spent has a negative amount."""

    id: int
    kind: EventKind
    amount: int
    actor: str
    at: datetime
    order_number: str | None


async def list_cards(
    database: Database, *, before: int, limit: int, active: bool | None = None, last4: str | None = None
) -> list[CardRecord]:
    """Cards with smaller ids than `before`, newest first."""
    return [_card(row) for row in await database.fetch(queries.AFTER, before, limit, active, last4)]


async def read_card(connection: Connection | Database, card: int) -> CardRecord:
    """One card. Raises NotFound."""
    row = await connection.fetchrow(queries.ONE, card)
    if row is None:
        raise NotFound(f"There is no gift card {card}.")
    return _card(row)


async def lock_card(connection: Connection, card: int) -> CardRecord:
    """One card, whose balance nobody else changes until this transaction ends. Raises NotFound."""
    await connection.execute(queries.LOCK_ONE, card)
    return await read_card(connection, card)


async def switch_card(connection: Connection, card: CardRecord, *, on: bool) -> CardRecord:
    """Block a card that is locked, or free it again; its balance stays."""
    await connection.execute(queries.SWITCH, card.id, on)
    return msgspec.structs.replace(card, active=on)


async def list_events(
    connection: Connection | Database, card: int, *, after: int, limit: int
) -> list[EventRecord]:
    """The card's ledger behind the event `after`, oldest first."""
    rows = await connection.fetch(queries.EVENTS_AFTER, card, after, limit)
    return [msgspec.convert(dict(row), EventRecord) for row in rows]


def _card(row: Any) -> CardRecord:
    return CardRecord(**dict(row))
