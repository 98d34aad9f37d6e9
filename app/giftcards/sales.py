"""Gift cards as goods: each unit of a gift card's variant that is sent becomes one card of what it cost.

Such a card is a multi-purpose voucher: it buys goods of several rates of tax, so nobody knows the tax when it
is sold. None is due then; what is bought with it is taxed as if it were paid in money (Directive (EU)
2016/1065, which put articles 30a and 30b into Directive 2006/112/EC). Promotions take nothing off it, and it
needs no delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.core.database import Connection, Database
from app.core.money import format_money
from app.core.problems import NotFound, Problem
from app.giftcards import queries, records, service
from app.promotions.service import show_code


class MailedCard(msgspec.Struct, frozen=True):
    """A card that was just made, as its buyer's mail tells of it."""

    code: str
    amount: int


class SoldCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that an order's unit became; `value` is what it was sold for."""

    id: int
    position: int
    last4: str
    value: int
    balance: int
    active: bool
    taken_back_at: datetime | None


async def issue_sent(
    connection: Connection, order: Mapping[str, Any], fulfilment_id: int, *, actor: str
) -> list[MailedCard]:
    """Make the cards of a fulfilment that is being sent; none when it has no gift cards.

    The caller holds the order's row. A unit that became a card before is a UniqueViolationError.
    """
    cards = []
    for row in await connection.fetch(queries.GIFTS_OF_FULFILMENT, fulfilment_id):
        for unit in range(row["issued"] + 1, row["issued"] + row["quantity"] + 1):
            note = f"sold with order {order['number']}"
            card, code = await service.issue(connection, row["unit_price"], actor=actor, note=note)
            await connection.execute(queries.SELL, order["id"], row["position"], unit, card)
            cards.append(MailedCard(show_code(code), row["unit_price"]))
    return cards


async def find_due_orders(database: Database, limit: int) -> list[int]:
    """The orders that stand and have gift cards which were not sent yet."""
    return [row["order_id"] for row in await database.fetch(queries.DUE_ORDERS, limit)]


async def gift_positions(connection: Connection, order_id: int) -> set[int]:
    """Which of the order's lines are gift cards."""
    return {row["position"] for row in await connection.fetch(queries.GIFT_POSITIONS, order_id)}


async def list_sold(database: Database, order_id: int) -> list[SoldCard]:
    """The cards that the order's units became."""
    return [SoldCard(**dict(row)) for row in await database.fetch(queries.SOLD, order_id)]


async def void_sold(connection: Connection, order_id: int, card_id: int, *, actor: str) -> int:
    """Take everything off a card that was sold with the order and block it; returns what it was sold for.

    Raises Problem when a part of it was spent, which its buyer has had. The caller holds the order's row.
    """
    sold = [SoldCard(**dict(row)) for row in await connection.fetch(queries.SOLD, order_id)]
    found = next((one for one in sold if one.id == card_id), None)
    if found is None:
        raise NotFound(f"The order has no gift card {card_id}.")
    card = await records.lock_card(connection, card_id)
    if found.taken_back_at or card.balance != found.value:
        raise Problem(
            409,
            "gift-card-used",
            "The gift card was used",
            f"{format_money(card.balance)} of {format_money(found.value)} are left on the gift card ending in"
            f" {card.last4}: only one that nothing was spent of is taken back.",
        )
    await service.adjust(connection, card_id, -found.value, key="taken back", actor=actor)
    await records.switch_card(connection, card, on=False)
    await connection.execute(queries.TAKE_BACK, card_id)
    return found.value
