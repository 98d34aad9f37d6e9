"""What happens when something dies between the two transactions, or reports come in any order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import signal
import time
import uuid
from threading import Thread
from typing import Any

import asyncpg
import httpx
import pytest

from app.checkout.service import settle_due_orders, settle_order
from app.checkout.shop import Shop
from app.core.settings import Settings
from app.payments.ports import Charge, GatewayAway, Payment, PaymentState, Report
from app.payments.service import make_charge, record_reports
from tests.app.factories import check_out, fill_cart, make_variant, stock_of
from tests.app.processes import Process, wait_until


@pytest.fixture
def alive(gateway: Process) -> Any:
    """The gateway, running again after the test whatever the test did to it."""
    yield gateway
    if gateway.running is None:
        gateway.start()


async def order_of(owner: asyncpg.Connection, cart: str) -> asyncpg.Record:
    return await owner.fetchrow(
        "SELECT * FROM orders WHERE cart_id = $1 ORDER BY id DESC LIMIT 1", uuid.UUID(cart)
    )


def charge_of(shop: Shop, order: asyncpg.Record) -> Charge:
    return make_charge(shop, {**order, "due": order["total"] - order["gift_card"]})


async def leave_pending(owner: asyncpg.Connection, client: httpx.Client, variant: int) -> asyncpg.Record:
    """An order as a crash right after its first transaction leaves it: never sent to the gateway."""
    cart = fill_cart(client, (variant, 1))
    waiting = check_out(client, cart, "tok_3ds")
    number = waiting.json()["order"]["number"]
    await owner.execute(
        "UPDATE orders SET payment_reference = $2, action_url = NULL, settle_at = now() - interval '1 second'"
        " WHERE number = $1",
        number,
        uuid.uuid4().hex,
    )
    await owner.execute(
        "UPDATE checkout_keys SET status = NULL, answer = NULL WHERE order_id ="
        " (SELECT id FROM orders WHERE number = $1)",
        number,
    )
    return await order_of(owner, cart)


async def test_a_dead_gateway_is_said_within_three_seconds_and_the_cart_is_kept(
    client: httpx.Client, owner: asyncpg.Connection, alive: Process
) -> None:
    variant = await make_variant(owner, stock=3)
    cart, key = fill_cart(client, (variant, 2)), str(uuid.uuid4())
    alive.kill()
    started = time.monotonic()
    answer = check_out(client, cart, key=key)
    assert time.monotonic() - started < 3
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payment-unavailable")
    assert client.get(f"/api/v1/carts/{cart}").json()["state"] == "open"
    assert await stock_of(owner, variant) == (3, 0)
    alive.start()
    assert check_out(client, cart, key=key).status_code == 201


async def test_a_gateway_that_hangs_is_said_within_three_seconds(
    client: httpx.Client, owner: asyncpg.Connection, alive: Process, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    cart = fill_cart(client, (variant, 1))
    assert alive.running
    alive.running.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = check_out(client, cart)
        assert time.monotonic() - started < 3.2
    finally:
        alive.running.send_signal(signal.SIGCONT)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payment-unknown")
    order = await order_of(owner, cart)
    await settle_order(shop, order["id"])
    state = (await order_of(owner, cart))["state"]
    # Both ends are right, as long as the gateway agrees.
    payment = await shop.gateway.find(charge_of(shop, order))
    assert payment
    assert (state == "confirmed") == (payment.state is PaymentState.CAPTURED)


async def test_a_gateway_killed_in_mid_payment_took_the_money_once_and_the_order_stands(
    client: httpx.Client, owner: asyncpg.Connection, alive: Process, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    cart, key = fill_cart(client, (variant, 1)), str(uuid.uuid4())
    answers: list[httpx.Response] = []
    paying = Thread(target=lambda: answers.append(check_out(client, cart, "tok_slow", key=key)))
    paying.start()
    time.sleep(0.8)  # tok_slow is captured by now, and answered after 1.5 s
    alive.kill()
    paying.join()
    assert answers[0].status_code == 503
    order = await order_of(owner, cart)
    assert order["state"] == "payment_pending"
    with pytest.raises(GatewayAway):
        await settle_order(shop, order["id"])
    alive.start()
    await settle_order(shop, order["id"])
    again = check_out(client, cart, "tok_slow", key=key)
    assert (again.status_code, again.json()["order"]["number"]) == (201, order["number"])
    taken = "SELECT sum(amount) FROM payment_events WHERE order_id = $1 AND kind = 'captured'"
    assert await owner.fetchval(taken, order["id"]) == order["total"]
    assert await stock_of(owner, variant) == (2, 1)


async def test_an_order_that_never_reached_the_gateway_is_released(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    order = await leave_pending(owner, client, variant)
    assert await stock_of(owner, variant) == (2, 1)
    assert await settle_due_orders(shop) >= 1
    state = await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"])
    assert state == "payment_failed"
    assert await stock_of(owner, variant) == (3, 0)
    # Should the payment arrive now after all, the gateway refuses it.
    late = await shop.gateway.take(charge_of(shop, order), "tok_ok", capture=True)
    assert late.state is PaymentState.CANCELLED


async def test_an_order_that_was_paid_before_the_crash_is_confirmed(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    order = await leave_pending(owner, client, variant)
    await shop.gateway.take(charge_of(shop, order), "tok_ok", capture=True)
    await settle_due_orders(shop)
    assert await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]) == "confirmed"


async def test_a_payment_that_nobody_approves_expires_and_cannot_be_approved_later(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    cart = fill_cart(client, (variant, 1))
    address = check_out(client, cart, "tok_3ds").json()["next_action"]["url"]
    await owner.execute(
        "UPDATE orders SET settle_at = now() - interval '1 second' WHERE cart_id = $1", uuid.UUID(cart)
    )
    await settle_due_orders(shop)
    assert await stock_of(owner, variant) == (3, 0)
    httpx.post(address, data={"outcome": "approve"}, trust_env=False)
    payment = await shop.gateway.find(charge_of(shop, await order_of(owner, cart)))
    assert payment
    assert payment.state is PaymentState.CANCELLED
    assert client.get(f"/api/v1/carts/{cart}").json()["state"] == "open"


async def test_settling_the_same_order_ten_times_at_once_settles_it_once(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    variant = await make_variant(owner, stock=3)
    order = await leave_pending(owner, client, variant)
    await shop.gateway.take(charge_of(shop, order), "tok_ok", capture=True)
    answers = await asyncio.gather(*[settle_order(shop, order["id"]) for _ in range(10)])
    assert {answer.status for answer in answers if answer} == {201}
    assert await owner.fetchval("SELECT count(*) FROM payment_events WHERE order_id = $1", order["id"]) <= 2
    history = await owner.fetch("SELECT state FROM order_history WHERE order_id = $1", order["id"])
    assert sorted(row["state"] for row in history) == ["confirmed", "payment_pending"]


def signed(settings: Settings, events: list[dict[str, Any]], *, at: int | None = None) -> dict[str, Any]:
    body = json.dumps({"events": events}).encode()
    stamp = int(time.time()) if at is None else at
    digest = hmac.new(settings.secrets.gateway_webhook_key, f"{stamp}.".encode() + body, hashlib.sha256)
    return {
        "content": body,
        "headers": {
            "Gateway-Signature": f"t={stamp},v1={digest.hexdigest()}",
            "Content-Type": "application/json",
        },
    }


def report(order: asyncpg.Record, state: str, payment_id: str = "pay_1") -> dict[str, Any]:
    payment = {
        "id": payment_id,
        "reference": order["payment_reference"],
        "state": state,
        "amount": order["total"],
        "currency": "EUR",
    }
    return {"id": f"evt_{state}", "type": f"payment.{state}", "payment": payment}


async def test_reports_repeated_and_reordered_are_kept_once_and_make_a_job(
    client: httpx.Client, owner: asyncpg.Connection, settings: Settings
) -> None:
    order = await leave_pending(owner, client, await make_variant(owner))
    waits, pays = (
        report(order, "requires_action", uuid.uuid4().hex),
        report(order, "captured", uuid.uuid4().hex),
    )
    for events in ([pays, waits], [waits], [pays], [pays, pays]):
        answer = client.post("/api/v1/webhooks/test-gateway", **signed(settings, events))
        assert answer.status_code == 204, answer.text
    kinds = await owner.fetch(
        "SELECT kind FROM payment_events WHERE order_id = $1 ORDER BY kind", order["id"]
    )
    assert [row["kind"] for row in kinds].count("captured") == 1
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE args->>'order_id' = $1"
    assert await owner.fetchval(jobs, str(order["id"])) >= 1
    await owner.execute("DELETE FROM payment_events WHERE order_id = $1", order["id"])


async def test_a_report_that_is_rolled_back_leaves_no_job(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order = await leave_pending(owner, client, await make_variant(owner))
    paid = Payment("pay_x", order["payment_reference"], PaymentState.CAPTURED, order["total"], "EUR")

    async def report_and_fail() -> None:
        async with shop.database.transaction() as connection:
            assert await record_reports(connection, "test-gateway", [Report(paid)]) == 1
            raise RuntimeError("as if the process had died")

    with pytest.raises(RuntimeError):
        await report_and_fail()
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE args->>'order_id' = $1"
    assert await owner.fetchval(jobs, str(order["id"])) == 0


@pytest.mark.parametrize("fault", ["no signature", "another key", "changed body", "too old"])
async def test_a_report_that_is_not_the_gateways_is_refused(
    client: httpx.Client, settings: Settings, fault: str
) -> None:
    at = int(time.time()) - 3600 if fault == "too old" else None
    request = signed(settings, [], at=at)
    if fault == "no signature":
        request["headers"].pop("Gateway-Signature")
    elif fault == "another key":
        request["headers"]["Gateway-Signature"] = f"t={int(time.time())},v1={'0' * 64}"
    elif fault == "changed body":
        request["content"] += b" "
    assert client.post("/api/v1/webhooks/test-gateway", **request).status_code == 400


async def test_the_gateways_own_report_confirms_an_order_that_the_store_forgot(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, worker: Process
) -> None:
    """The whole way: the gateway's webhook, the job in PostgreSQL, the worker that settles."""
    order = await leave_pending(owner, client, await make_variant(owner))
    await owner.execute("UPDATE orders SET settle_at = now() + interval '1 hour' WHERE id = $1", order["id"])
    await shop.gateway.take(charge_of(shop, order), "tok_ok", capture=True)

    async def state() -> str:
        return str(await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]))

    deadline = time.monotonic() + 30
    while await state() != "confirmed":
        assert time.monotonic() < deadline, worker.log.read_text()
        await asyncio.sleep(0.2)


async def test_the_worker_settles_what_is_left_behind(
    client: httpx.Client, owner: asyncpg.Connection, worker: Process
) -> None:
    variant = await make_variant(owner, stock=1)
    order = await leave_pending(owner, client, variant)
    deadline = time.monotonic() + 45
    while await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]) != "payment_failed":
        assert time.monotonic() < deadline, worker.log.read_text()
        await asyncio.sleep(0.5)
    assert await stock_of(owner, variant) == (1, 0)


def test_the_worker_ends_on_sigterm(worker: Process) -> None:
    assert worker.stop() == 0
    worker.start()
    wait_until(lambda: "worker started" in worker.log.read_text(), worker.log.read_text)
