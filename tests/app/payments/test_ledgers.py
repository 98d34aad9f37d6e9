"""Each check of payments finds the fault it is for. Faults are planted in transactions that are undone."""

from __future__ import annotations

import uuid
from dataclasses import replace

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.service import check_out as place
from app.checkout.shop import Shop
from app.core.database import Database
from app.orders.money import settle_money
from app.payments.ledgers import CHECKS
from tests.app.checkout.test_crash_points import wish
from tests.app.factories import fill_cart, make_variant
from tests.app.orders.test_workflow import cancel, send

OPERATION = "INSERT INTO payment_operations (order_id, key, kind, amount, state, gateway_id) VALUES"
EVENT = "INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id) VALUES"
# By the first words of the check's sentence: how the order was paid, and what goes wrong with it.
FAULTS = {
    "per order, what checkout secured": (True, "DELETE FROM payment_events WHERE order_id = {order}"),
    "per order, captured - refunded is nothing": (
        True,
        "UPDATE orders SET state = 'payment_failed' WHERE id = {order}",
    ),
    "per order, captured + voided is not more": (
        True,
        EVENT + " ('test-gateway', 'planted', {order}, 'refunded', 999999, 'p')",
    ),
    "per order, what the gateway did": (
        True,
        OPERATION + " ({order}, 'planted', 'refund', 5, 'done', 'planted')",
    ),
    "per order, what was sent": (
        False,
        "UPDATE fulfilments SET shipped_at = now() - interval '1 hour' WHERE order_id = {order};"
        " DELETE FROM payment_operations WHERE order_id = {order};"
        " DELETE FROM payment_events WHERE order_id = {order} AND kind = 'captured'",
    ),
    "per order, what parcels captured": (
        False,
        "UPDATE payment_operations SET amount = amount + 1 WHERE order_id = {order}",
    ),
    "of an order that is sent or cancelled": (
        False,
        "UPDATE order_history SET at = at - interval '1 hour' WHERE order_id = {order};"
        " DELETE FROM payment_events WHERE order_id = {order} AND kind = 'voided';"
        " UPDATE orders SET state = 'shipped' WHERE id = {order};",
    ),
    "no authorization waits": (
        False,
        "UPDATE payment_events SET received_at = now() - interval '8 days' WHERE order_id = {order}",
    ),
}


def test_every_check_has_a_fault_to_find() -> None:
    assert all(sum(check.startswith(words) for words in FAULTS) == 1 for check in CHECKS)
    assert len(CHECKS) == len(FAULTS)


async def order_of(client: httpx.Client, owner: asyncpg.Connection, shop: Shop, *, at_order: bool) -> int:
    """An order of two units, captured at once, or authorized and one of them sent."""
    cart = fill_cart(client, (await make_variant(owner), 2))
    answer = await place(replace(shop, captures_at_order=at_order), uuid.uuid4().hex, wish(cart, "tok_ok"))
    assert answer.status == 201
    order = int(await owner.fetchval("SELECT id FROM orders WHERE cart_id = $1", uuid.UUID(cart)))
    if not at_order:
        await send(shop.database, order, {1: 1})
        await settle_money(shop, order)
    return order


@pytest.mark.parametrize("words", FAULTS)
async def test_a_fault_is_found(
    *,
    client: httpx.Client,
    owner: asyncpg.Connection,
    shop: Shop,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at_order, fault = FAULTS[words]
    order = await order_of(client, owner, shop, at_order=at_order)
    (query,) = [query for check, query in CHECKS.items() if check.startswith(words)]
    transaction = owner.transaction()
    await transaction.start()
    assert await reconcile.check(owner) == 0, capsys.readouterr().out
    await owner.execute(fault.format(order=order))
    number = await owner.fetchval("SELECT number FROM orders WHERE id = $1", order)
    assert [row["number"] for row in await owner.fetch(query)] == [number]
    assert await reconcile.check(owner) == 1
    await transaction.rollback()


async def test_an_order_sent_in_parts_and_cancelled_in_part_balances_at_every_step(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, database: Database
) -> None:
    """As if each step had been long ago: nothing is excused for being fresh."""

    async def check() -> None:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(
            "UPDATE fulfilments SET shipped_at = shipped_at - interval '1 hour';"
            " UPDATE order_history SET at = at - interval '1 hour'"
        )
        assert await reconcile.check(owner) == 0
        await transaction.rollback()

    order = await order_of(client, owner, shop, at_order=False)
    await check()
    await cancel(database, order, {1: 1})
    await settle_money(shop, order)
    await check()
    kinds = await owner.fetch("SELECT kind FROM payment_events WHERE order_id = $1 ORDER BY id", order)
    assert [row["kind"] for row in kinds] == ["authorized", "captured", "voided"]
