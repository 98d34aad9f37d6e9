"""Buyers in a storm: connections to the database end, the gateway dies, every request is sent more than once.

Each buyer does what a careful client does: repeats with the same key whatever was not answered for good. When
it is calm again, each cart is one order or none, nothing was sold twice, and every ledger balances.
"""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections import Counter

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.service import settle_due_orders
from app.checkout.shop import Shop
from app.core.settings import Settings
from tests.app.checkout.test_crowd import fill
from tests.app.factories import checkout_body, make_variant, stock_of
from tests.app.processes import Process

BUYERS = 150
UNITS = 40
# How many come for the last twenty units; a longer run takes thousands.
CROWD = int(os.environ.get("STORM_BUYERS", "300"))
# A buyer gives up after so many tries; calm comes long before.
TRIES = 60


async def buy_carefully(crowd: httpx.AsyncClient, cart: str) -> int:
    """Order under one key until the answer is final; now and then without waiting for the answer before."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = checkout_body(cart, random.choice(["tok_ok", "tok_ok", "tok_declined"]))
    for _ in range(TRIES):
        both = random.random() < 0.2
        sent = [crowd.post("/api/v1/checkouts", json=body, headers=headers) for _ in range(1 + both)]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        final = [
            answer.status_code
            for answer in answers
            if isinstance(answer, httpx.Response) and is_final(answer)
        ]
        if final:
            return final[0]
        await asyncio.sleep(random.uniform(0.2, 0.6))
    return 0


def is_final(answer: httpx.Response) -> bool:
    assert answer.status_code != 500, answer.text
    return answer.status_code < 500 and "retry-after" not in answer.headers


async def calm(shop: Shop, owner: asyncpg.Connection) -> None:
    """As the worker does in time: finish what was left behind."""
    await owner.execute("UPDATE orders SET settle_at = now() WHERE settle_at IS NOT NULL")
    while await settle_due_orders(shop):
        pass


async def check_books(
    owner: asyncpg.Connection, settings: Settings, variant: int, carts: list[str], final: list[int]
) -> None:
    ids = [uuid.UUID(cart) for cart in carts]
    orders = await owner.fetch(
        "SELECT cart_id, count(*) FILTER (WHERE state <> 'payment_failed') AS standing,"
        " count(*) FILTER (WHERE state = 'payment_pending') AS pending FROM orders"
        " WHERE cart_id = ANY($1::uuid[]) GROUP BY cart_id",
        ids,
    )
    assert all(row["standing"] <= 1 and row["pending"] == 0 for row in orders)
    sold = sum(row["standing"] for row in orders)
    assert sold <= UNITS
    # Whoever was told of an order has one.
    assert Counter(final)[201] <= sold
    assert await stock_of(owner, variant) == (UNITS - sold, sold)
    taken_twice = await owner.fetch(
        "SELECT o.number FROM orders o JOIN payment_events e ON e.order_id = o.id AND e.kind = 'captured'"
        " WHERE o.cart_id = ANY($1::uuid[]) GROUP BY o.id HAVING sum(e.amount) <> o.total",
        ids,
    )
    assert not taken_twice
    assert await reconcile.run(settings) == 0


async def test_connections_that_end_in_mid_checkout_lose_and_double_nothing(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, shop: Shop, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=UNITS)
    carts = [await fill(crowd, (variant, 1)) for _ in range(BUYERS)]

    async def restart() -> None:
        """As a restart of the database does: every session ends, whatever it was doing."""
        for _ in range(5):
            await asyncio.sleep(0.4)
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'store'"
            )

    final, _ = await asyncio.gather(
        asyncio.gather(*[buy_carefully(crowd, cart) for cart in carts]), restart()
    )
    await calm(shop, owner)
    assert 0 not in final
    await check_books(owner, settings, variant, carts, final)


async def test_a_gateway_that_dies_under_a_crowd_takes_no_money_twice(
    crowd: httpx.AsyncClient,
    owner: asyncpg.Connection,
    shop: Shop,
    settings: Settings,
    gateway: Process,
) -> None:
    variant = await make_variant(owner, stock=UNITS)
    carts = [await fill(crowd, (variant, 1)) for _ in range(BUYERS)]

    async def die_twice() -> None:
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(gateway.kill)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(gateway.start)

    try:
        final, _ = await asyncio.gather(
            asyncio.gather(*[buy_carefully(crowd, cart) for cart in carts]), die_twice()
        )
    finally:
        if gateway.running is None:
            gateway.start()
    await calm(shop, owner)
    assert 0 not in final
    await check_books(owner, settings, variant, carts, final)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_crowd_after_twenty_units_is_answered_to_the_last(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, settings: Settings, lost: bool
) -> None:
    """`lost`: each answer got lost, so that each buyer asks once more."""
    variant = await make_variant(owner, stock=20)
    gate = asyncio.Semaphore(60)

    async def buy() -> int:
        async with gate:
            cart = await fill(crowd, (variant, 1))
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            for _ in range(TRIES):
                answer = await crowd.post("/api/v1/checkouts", json=checkout_body(cart), headers=headers)
                if lost and is_final(answer):
                    again = await crowd.post("/api/v1/checkouts", json=checkout_body(cart), headers=headers)
                    if answer.status_code == 201:
                        assert again.content == answer.content
                if is_final(answer):
                    return answer.status_code
                await asyncio.sleep(0.3)
            return 0

    counted = Counter(await asyncio.gather(*[buy() for _ in range(CROWD if not lost else CROWD // 2)]))
    assert counted[201] == 20
    assert set(counted) == {201, 409}
    assert await stock_of(owner, variant) == (0, 20)
    assert await reconcile.run(settings) == 0
