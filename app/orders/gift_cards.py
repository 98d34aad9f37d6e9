"""Sends the gift cards of orders that are paid, and takes unspent ones back.

Sending them is a fulfilment like any other, which nobody packs: `workflow.ship` makes the cards and their
mail in its transaction, under the order's lock. The money is taken before, whatever the setting says of other
goods: a card can be spent at once. Each step finds what was done before, so it may run at any time and as
often as one likes; a crash between two leaves the rest to the next run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from app.checkout.shop import Shop
from app.core.database import Connection, Database
from app.giftcards import sales
from app.giftcards import service as giftcards
from app.orders import workflow
from app.orders import workflow_queries as queries
from app.orders.transitions import OrderState, Verb, allowed_verbs
from app.orders.worth import order_worth
from app.payments import service as payments
from app.payments.service import Ledger

ACTOR = "gift cards"
BATCH = 500
Row = Mapping[str, Any]


async def defer_due_gift_cards(database: Database) -> int:
    """Have what is due sent by a job for each order; returns how many there are."""
    due = await sales.find_due_orders(database, BATCH)
    for order_id in due:
        # Another worker may be at it in this moment.
        with suppress(asyncpg.UniqueViolationError):
            await database.execute(queries.DEFER_GIFT_CARDS, order_id)
    return len(due)


async def deliver_gift_cards(shop: Shop, order_id: int) -> bool:
    """Take what the order's gift cards cost and send them; False when there are none or they are not paid."""
    async with shop.database.connection() as connection:
        order, lines, gifts = await _read(connection, order_id)
        ledger = await payments.read_ledger(connection, order_id)
    if not _may_send(order, lines, gifts):
        return False
    earned = _earned(order, lines, gifts)
    missing = earned - ledger.captured - ledger.capturing
    if missing > 0:
        await payments.capture(shop, order_id, missing, f"gift-cards:{order_id}:{earned}")
    async with shop.database.transaction() as connection:
        await workflow.lock(connection, order_id)
        order, lines, gifts = await _read(connection, order_id)
        ledger = await payments.read_ledger(connection, order_id)
        if not _may_send(order, lines, gifts) or not _is_paid(_earned(order, lines, gifts), ledger):
            return False
        for location, units in (await _places(connection, order_id, gifts)).items():
            made = await workflow.fulfil(connection, order_id, location=location, units=units, actor=ACTOR)
            await workflow.ship(connection, made, actor=ACTOR)
            await workflow.deliver(connection, made, actor=ACTOR)
    return True


async def take_back(connection: Connection, order_id: int, card_id: int, *, actor: str) -> int:
    """Void a card that was sold with the order and have its money given back; returns how much.

    Raises Problem for a card of which something was spent.
    """
    await workflow.lock(connection, order_id)
    value = await sales.void_sold(connection, order_id, card_id, actor=actor)
    ledger = await payments.read_ledger(connection, order_id)
    by_gateway = min(value, ledger.refundable)
    await connection.execute(queries.DEFER_GIFT_REFUND, order_id, card_id, by_gateway, value - by_gateway)
    return value


async def refund_gift_card(shop: Shop, order_id: int, card_id: int, by_gateway: int, by_card: int) -> None:
    """Give a returned card's money back: to the payment, the rest to the gift cards that paid it."""
    key = f"gift-card:{card_id}"
    if by_gateway:
        await payments.refund(shop, order_id, by_gateway, "a gift card was taken back", key)
    async with shop.database.transaction() as connection:
        if by_card:
            await giftcards.give_back(connection, order_id, by_card, key=key, actor=ACTOR)
        await workflow.add_mail(connection, order_id, "refund", key, {"amount": by_gateway + by_card})


async def _read(connection: Connection, order_id: int) -> tuple[Row, Sequence[Row], set[int]]:
    order = await connection.fetchrow(queries.MONEY, order_id)
    lines = await connection.fetch(queries.LINES, order_id)
    return order, lines, await sales.gift_positions(connection, order_id)


def _may_send(order: Row, lines: Sequence[Row], gifts: set[int]) -> bool:
    left = sum(_left(line) for line in lines if line["position"] in gifts)
    return left > 0 and Verb.SHIP in allowed_verbs(OrderState(order["state"]))


def _left(line: Row) -> int:
    return int(line["quantity"] - line["cancelled"] - line["sent"] - line["open"])


def _earned(order: Row, lines: Sequence[Row], gifts: set[int]) -> int:
    """What the gateway must have brought by the time the gift cards are sent."""
    worth = order_worth(
        order, lines, lambda line: line["sent"] + (_left(line) if line["position"] in gifts else 0)
    )
    return int(max(0, worth - order["gift_card"]))


def _is_paid(earned: int, ledger: Ledger) -> bool:
    """What was given back is not there any more: then staff decide, and send by hand."""
    return ledger.captured - ledger.refunded - ledger.refunding >= earned


async def _places(connection: Connection, order_id: int, gifts: set[int]) -> dict[int, dict[int, int]]:
    """Units by line, by the location that they are reserved at."""
    found: dict[int, dict[int, int]] = {}
    for row in await connection.fetch(queries.PLACES, order_id):
        if row["position"] in gifts:
            found.setdefault(row["location_id"], {})[row["position"]] = row["quantity"]
    return found
