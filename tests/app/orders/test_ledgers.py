"""Each check of the orders finds the fault it is for. Faults are planted in transactions that are undone."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.shop import Shop
from app.core.database import Database
from app.orders.ledgers import CHECKS
from app.orders.money import settle_money
from tests.app.orders.test_workflow import place, send

# By the first words of the check's sentence. The order has a line of 2, one sent, and a line of 1.
FAULTS = {
    "an order's lines add up": "UPDATE order_lines SET unit_price = unit_price + 1 WHERE order_id = {order}",
    "an order's discount and tax": "UPDATE orders SET tax = tax + 1 WHERE id = {order}",
    "an order that stands or is pending": "DELETE FROM reservations WHERE order_id = {order}",
    "an order's state is what": "UPDATE orders SET state = 'delivered' WHERE id = {order}",
    "what parcels took": "UPDATE fulfilment_lines SET quantity = 2 WHERE fulfilment_id = {fulfilment}",
    "invoices are numbered": "UPDATE invoice_series SET last = last + 1 WHERE kind = 'invoice'",
    "a sent parcel goes under": "UPDATE fulfilments SET tracking_number = '7' WHERE id = {fulfilment}",
    "a parcel that its carrier delivered": (
        "INSERT INTO tracking_events (shipment_id, status, at, received_at)"
        " SELECT id, 'delivered', now(), now() - interval '2 hours' FROM shipments"
        " WHERE fulfilment_id = {fulfilment};"
        " UPDATE shipments SET state = 'delivered' WHERE fulfilment_id = {fulfilment}"
    ),
    "the shop has taken what it sent": (
        "UPDATE order_lines SET cancelled = 1 WHERE order_id = {order} AND position = 2"
    ),
}


def test_every_check_has_a_fault_to_find() -> None:
    for sentence in CHECKS:
        assert len([words for words in FAULTS if sentence.startswith(words)]) == 1, sentence
    assert len(FAULTS) == len(CHECKS)


@pytest.mark.parametrize("words", FAULTS)
async def test_a_fault_is_found_and_shown(  # noqa: PLR0917
    client: httpx.Client,
    database: Database,
    owner: asyncpg.Connection,
    shop: Shop,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order, _, _ = await place(client, owner, 2, 1)
    fulfilment = await send(database, order, {1: 1})
    await settle_money(shop, order)
    await owner.execute("DELETE FROM procrastinate_jobs WHERE lock = $1", f"order:{order}")
    transaction = owner.transaction()
    await transaction.start()
    assert await reconcile.check(owner) == 0, capsys.readouterr().out
    capsys.readouterr()
    await owner.execute(FAULTS[words].format(order=order, fulfilment=fulfilment))
    assert await reconcile.check(owner) == 1
    lines = capsys.readouterr().out.splitlines()
    (place_,) = [n for n, line in enumerate(lines) if line.startswith(f"off  {words}")]
    assert lines[place_ + 1].startswith("     {")
    await transaction.rollback()


async def test_money_that_was_never_taken_for_what_was_sent_is_found(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    order, _, _ = await place(client, owner, 1)
    await send(database, order)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("UPDATE payment_events SET kind = 'authorized' WHERE order_id = $1", order)
    assert await reconcile.check(owner) == 0, "a job is still to take it"
    await owner.execute("DELETE FROM procrastinate_jobs WHERE lock = $1", f"order:{order}")
    assert await reconcile.check(owner) == 1
    assert "off  the shop has taken what it sent" in capsys.readouterr().out
    await transaction.rollback()
