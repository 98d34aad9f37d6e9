"""Many shoppers at once: nothing is sold twice, no key makes two orders, nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter

import asyncpg
import httpx
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as some

from app import reconcile
from app.core.settings import Settings
from tests.app.factories import checkout_body, make_variant, stock_of


async def pause() -> None:
    """Overload is answered at once with 503 and the wish to come again."""
    await asyncio.sleep(random.uniform(0.1, 0.5))


async def fill(crowd: httpx.AsyncClient, *lines: tuple[int, int]) -> str:
    """A cart with these lines; another one when the shop was too busy, as it may have taken the line."""
    while True:
        answer = await crowd.post("/api/v1/carts")
        cart = str(answer.json().get("id"))
        for variant, quantity in lines:
            if answer.status_code != 503:
                line = {"variant_id": variant, "quantity": quantity}
                answer = await crowd.post(f"/api/v1/carts/{cart}/lines", json=line)
        if answer.status_code != 503:
            answer.raise_for_status()
            return cart
        await pause()


async def order(
    crowd: httpx.AsyncClient, cart: str, key: str | None = None, token: str = "tok_ok"
) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    while True:
        answer = await crowd.post("/api/v1/checkouts", json=checkout_body(cart, token), headers=headers)
        if answer.status_code != 503:
            return answer
        await pause()


async def test_two_hundred_buyers_get_exactly_the_last_fifty(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=50)
    carts = await asyncio.gather(*[fill(crowd, (variant, 1)) for _ in range(200)])
    answers = await asyncio.gather(*[order(crowd, cart) for cart in carts])
    assert Counter(answer.status_code for answer in answers) == {201: 50, 409: 150}
    assert await stock_of(owner, variant) == (0, 50)
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["lines"][0]["variant_id"] == variant
    assert await reconcile.run(settings) == 0


async def test_one_key_sent_twenty_times_at_once_makes_one_order(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=50)
    cart, key = await fill(crowd, (variant, 1)), str(uuid.uuid4())
    answers = await asyncio.gather(*[order(crowd, cart, key) for _ in range(20)])
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.headers["retry-after"]
    final = await order(crowd, cart, key)
    assert final.status_code == 201
    assert await stock_of(owner, variant) == (49, 1)


async def test_one_cart_under_twenty_keys_at_once_makes_one_order(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=50)
    cart = await fill(crowd, (variant, 1))
    answers = await asyncio.gather(*[order(crowd, cart) for _ in range(20)])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert await stock_of(owner, variant) == (49, 1)


async def test_carts_with_the_same_goods_in_any_order_never_block_each_other(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    variants = [await make_variant(owner, stock=1000) for _ in range(5)]

    async def buy() -> int:
        mixed = random.sample(variants, 5)
        return (await order(crowd, await fill(crowd, *[(variant, 1) for variant in mixed]))).status_code

    assert Counter(await asyncio.gather(*[buy() for _ in range(60)])) == {201: 60}
    assert [await stock_of(owner, variant) for variant in variants] == [(940, 60)] * 5


@limits(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stock=some.integers(0, 12),
    wishes=some.lists(
        some.tuples(some.integers(1, 5), some.sampled_from(["tok_ok", "tok_declined"])), max_size=12
    ),
)
async def test_whatever_is_wished_what_is_sold_was_there(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, stock: int, wishes: list[tuple[int, str]]
) -> None:
    variant = await make_variant(owner, stock=stock)
    carts = [await fill(crowd, (variant, quantity)) for quantity, _ in wishes]
    answers = await asyncio.gather(
        *[order(crowd, cart, token=token) for cart, (_, token) in zip(carts, wishes, strict=True)]
    )
    sold = sum(
        quantity for answer, (quantity, _) in zip(answers, wishes, strict=True) if answer.status_code == 201
    )
    assert {answer.status_code for answer in answers} <= {201, 402, 409}
    assert await stock_of(owner, variant) == (stock - sold, sold)
