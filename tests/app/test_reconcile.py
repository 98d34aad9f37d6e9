"""Each ledger check finds the fault it is for. The faults are made in transactions that are rolled back."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.settings import Settings
from tests.app.factories import check_out, fill_cart, make_variant

FAULTS = {
    "a job that nobody runs": (
        "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('payments', 'nobody-{order}');"
        " UPDATE procrastinate_events SET at = now() - interval '2 hours' WHERE job_id ="
        " (SELECT id FROM procrastinate_jobs WHERE task_name = 'nobody-{order}')"
    ),
    "stock that no movement explains": (
        "UPDATE stock SET available = available + 1 WHERE variant_id = {variant}"
    ),
    "a reservation without stock": "UPDATE reservations SET quantity = 2 WHERE variant_id = {variant}",
    "an order that was never paid": "DELETE FROM payment_events WHERE order_id = {order}",
    "a payment taken twice": (
        "INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)"
        " SELECT gateway, 'again', order_id, kind, amount, payment_id FROM payment_events"
        " WHERE order_id = {order} AND kind = 'captured'"
    ),
    "a line that does not add up": "UPDATE order_lines SET unit_price = 1 WHERE order_id = {order}",
    "a cart that was ordered and is open": "UPDATE carts SET state = 'open' WHERE state = 'ordered'",
    "a key without its answer": "UPDATE checkout_keys SET status = NULL WHERE order_id = {order}",
    "a pending order that nobody settles": (
        "UPDATE orders SET state = 'payment_pending', settle_at = now() - interval '1 hour'"
        " WHERE id = {order}"
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_found(
    client: httpx.Client, owner: asyncpg.Connection, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = await make_variant(owner)
    number = check_out(client, fill_cart(client, (variant, 1))).json()["order"]["number"]
    order = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    transaction = owner.transaction()
    await transaction.start()
    assert await reconcile.check(owner) == 0, capsys.readouterr().out
    await owner.execute(FAULTS[fault].format(variant=variant, order=order))
    assert await reconcile.check(owner) == 1
    await transaction.rollback()


async def test_the_command_says_when_the_database_is_away(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    away = replace(settings, database_direct_url="postgresql://store@127.0.0.1:1/store")
    assert await reconcile.run(away) == 2
    assert "cannot be asked" in capsys.readouterr().err
