"""Returns, reports, recovery, repeated requests and second thoughts, in any order, all lead to one end.

Each may come repeated, or not at all, alone or at once with the others; the end is what the gateway holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as some

from app import reconcile
from app.checkout.service import cancel_cart_payment, settle_due_orders, settle_order
from app.checkout.shop import Shop
from app.core.problems import Problem
from app.core.settings import Settings
from app.payments.ports import PaymentState
from app.payments.service import make_charge
from tests.app.checkout.test_crowd import fill
from tests.app.factories import checkout_body, make_variant, stock_of
from tests.app.processes import Process

UNITS = 3


@pytest.fixture
def silent(gateway: Process, settings: Settings) -> Any:
    """A gateway that sends no reports: the test sends them, when it likes."""
    key = {"Authorization": f"Bearer {settings.secrets.gateway_key}"}
    with httpx.Client(base_url=gateway.url, headers=key, trust_env=False) as control:
        control.put("/v1/faults", json={"drop_webhooks": 1.0}).raise_for_status()
        yield
        control.delete("/v1/faults").raise_for_status()


class Purchase:
    """One order that waits for its shopper at the bank, and all that can happen to it from outside."""

    def __init__(self, shop: Shop, settings: Settings, crowd: httpx.AsyncClient, owner: asyncpg.Connection):
        self.shop, self.settings, self.crowd, self.owner = shop, settings, crowd, owner

    async def begin(self) -> None:
        self.variant = await make_variant(self.owner, stock=UNITS)
        self.cart, self.key = await fill(self.crowd, (self.variant, 1)), uuid.uuid4().hex
        answer = await self.repeat()
        assert answer.status_code == 202
        self.bank = str(answer.json()["next_action"]["url"])
        number = answer.json()["order"]["number"]
        self.order = dict(
            await self.owner.fetchrow(
                "SELECT *, total - gift_card AS due FROM orders WHERE number = $1", number
            )
        )
        self.payment_id = self.bank.rpartition("/")[2]

    async def repeat(self) -> httpx.Response:
        headers = {"Idempotency-Key": self.key}
        body = checkout_body(self.cart, "tok_3ds")
        return await self.crowd.post("/api/v1/checkouts", json=body, headers=headers)

    async def approve(self) -> None:
        await self.crowd.post(self.bank, data={"outcome": "approve"})

    async def refuse(self) -> None:
        await self.crowd.post(self.bank, data={"outcome": "decline"})

    async def come_back(self) -> None:
        """The return page, approved or not."""
        path = f"/checkout/return/{self.order['number']}"
        answer = await self.crowd.get(path, params={"token": self.order["token"]})
        assert answer.status_code == 303

    async def report(self, *states: str) -> None:
        """A signed batch of the gateway's, with the job that it makes."""
        known = await self.shop.gateway.find(make_charge(self.shop, self.order))
        assert known
        # Nobody reports what has not happened.
        told = [state for state in states if state in ("requires_action", known.state)]
        payment = {"id": self.payment_id, "reference": self.order["payment_reference"]}
        amount = {"amount": self.order["due"], "currency": "EUR"}
        events = [{"payment": {**payment, **amount, "state": state}} for state in told]
        body, stamp = json.dumps({"events": events}).encode(), int(time.time())
        digest = hmac.new(
            self.settings.secrets.gateway_webhook_key, f"{stamp}.".encode() + body, hashlib.sha256
        )
        headers = {"Gateway-Signature": f"t={stamp},v1={digest.hexdigest()}"}
        answer = await self.crowd.post("/api/v1/webhooks/test-gateway", content=body, headers=headers)
        assert answer.status_code == 204
        jobs = "DELETE FROM procrastinate_jobs WHERE args->>'order_id' = $1 AND status = 'todo' RETURNING 1"
        if await self.owner.fetch(jobs, str(self.order["id"])):
            await settle_order(self.shop, self.order["id"])

    async def recover(self) -> None:
        """The recovery job finds the order due, whether its shopper is still at the bank or not."""
        await self.owner.execute(
            "UPDATE orders SET settle_at = now() WHERE id = $1 AND settle_at IS NOT NULL", self.order["id"]
        )
        await settle_due_orders(self.shop)

    async def cancel(self) -> None:
        """The shopper goes back to choose another way to pay."""
        with contextlib.suppress(Problem):
            await cancel_cart_payment(self.shop, uuid.UUID(self.cart))


# By name, so that a failure prints a story.
STEPS: dict[str, Callable[[Purchase], Awaitable[Any]]] = {
    "return": Purchase.come_back,
    "repeat": Purchase.repeat,
    "report": lambda purchase: purchase.report("requires_action", "captured", "declined", "cancelled"),
    "report twice": lambda purchase: purchase.report("captured", "captured", "declined", "declined"),
    "report reordered": lambda purchase: purchase.report(
        "cancelled", "declined", "captured", "requires_action"
    ),
    "late first report": lambda purchase: purchase.report("requires_action"),
    "recover": Purchase.recover,
    "cancel": Purchase.cancel,
}
BANK = {"approve": Purchase.approve, "refuse": Purchase.refuse}


async def check_end(purchase: Purchase) -> str:
    """The order is as its payment is at the gateway, with each fact once; returns its state."""
    owner, order = purchase.owner, purchase.order
    payment = await purchase.shop.gateway.find(make_charge(purchase.shop, order))
    assert payment
    assert payment.state.is_final
    wanted = "confirmed" if payment.state is PaymentState.CAPTURED else "payment_failed"
    state = str(await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]))
    assert state == wanted
    history = await owner.fetch("SELECT state FROM order_history WHERE order_id = $1", order["id"])
    assert sorted(row["state"] for row in history) == sorted(["payment_pending", wanted])
    taken = "SELECT coalesce(sum(amount), 0) FROM payment_events WHERE order_id = $1 AND kind = 'captured'"
    assert await owner.fetchval(taken, order["id"]) == (order["due"] if state == "confirmed" else 0)
    mails = "SELECT count(*) FROM mails WHERE order_id = $1 AND kind = 'confirmation'"
    assert await owner.fetchval(mails, order["id"]) == (state == "confirmed")
    cart = await owner.fetchval("SELECT state FROM carts WHERE id = $1", uuid.UUID(purchase.cart))
    assert cart == ("ordered" if state == "confirmed" else "open")
    sold = int(state == "confirmed")
    assert await stock_of(owner, purchase.variant) == (UNITS - sold, sold)
    answers = {(answer.status_code, answer.content) for answer in [await purchase.repeat() for _ in range(2)]}
    assert len(answers) == 1
    assert answers.pop()[0] == (201 if state == "confirmed" else 402)
    return state


steps = some.lists(some.sampled_from(sorted(STEPS)), max_size=5)
HOW = limits(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def make_purchase(
    silent: None, shop: Shop, settings: Settings, crowd: httpx.AsyncClient, owner: asyncpg.Connection
) -> AsyncIterator[Callable[[], Awaitable[Purchase]]]:
    async def make() -> Purchase:
        purchase = Purchase(shop, settings, crowd, owner)
        await purchase.begin()
        return purchase

    yield make
    assert await reconcile.run(settings) == 0


@HOW
@given(before=steps, at_the_bank=some.sampled_from(sorted(BANK)), after=steps)
async def test_any_order_of_what_can_happen_ends_as_the_gateway_says(
    make_purchase: Callable[[], Awaitable[Purchase]], before: list[str], at_the_bank: str, after: list[str]
) -> None:
    purchase = await make_purchase()
    for name in before:
        await STEPS[name](purchase)
    await BANK[at_the_bank](purchase)
    for name in after:
        await STEPS[name](purchase)
    await purchase.recover()
    ended = await check_end(purchase)
    # Nobody gave up before the bank's word: that alone decides.
    if not {"cancel", "recover"} & {*before}:
        assert ended == ("confirmed" if at_the_bank == "approve" else "payment_failed")


@HOW
@given(at_once=some.lists(some.sampled_from(sorted([*STEPS, *BANK])), min_size=2, max_size=8))
async def test_all_of_it_at_once_ends_as_the_gateway_says(
    make_purchase: Callable[[], Awaitable[Purchase]], at_once: list[str]
) -> None:
    purchase = await make_purchase()
    # The arranging connection is one, and takes one statement at a time; so these two keep off it.
    shared = [name for name in at_once if "report" in name or name == "recover"]
    apart = [name for name in at_once if name not in shared]

    async def one_after_the_other() -> None:
        for name in shared:
            await STEPS[name](purchase)

    every = STEPS | BANK
    await asyncio.gather(one_after_the_other(), *[every[name](purchase) for name in apart])
    await purchase.recover()
    await check_end(purchase)
