"""Limits hold however many buy at the same time, and are given back when payments fail."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import httpx

from app import reconcile
from tests.app.factories import checkout_body, make_variant
from tests.app.promotions.makers import make_gift_card, make_voucher


async def prepare(crowd: httpx.AsyncClient, variant: int, code: str) -> str:
    cart = str((await crowd.post("/api/v1/carts")).raise_for_status().json()["id"])
    line = {"variant_id": variant, "quantity": 1}
    (await crowd.post(f"/api/v1/carts/{cart}/lines", json=line)).raise_for_status()
    (await crowd.post(f"/api/v1/carts/{cart}/codes", json={"code": code})).raise_for_status()
    return cart


async def buy(
    crowd: httpx.AsyncClient, cart: str, token: str = "tok_ok", **changes: object
) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return await crowd.post("/api/v1/checkouts", json=checkout_body(cart, token, **changes), headers=headers)


async def test_a_limit_holds_against_a_crowd(crowd: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    limit, buyers = 17, 80
    variant = await make_variant(owner, stock=1000)
    code = await make_voucher(owner, usage_limit=limit)
    carts = await asyncio.gather(*(prepare(crowd, variant, code) for _ in range(buyers)))
    # Every fifth is declined: what it took is for others.
    answers = await asyncio.gather(
        *(buy(crowd, cart, "tok_declined" if n % 5 == 0 else "tok_ok") for n, cart in enumerate(carts))
    )
    bought = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 402, 409}
    assert len(bought) <= limit
    # Those who were told of a new total try again: whatever was given back is still there for them.
    left = [cart for cart, answer in zip(carts, answers, strict=True) if answer.status_code != 201]
    again = [await buy(crowd, cart) for cart in left]
    assert len(bought) + sum(answer.status_code == 201 for answer in again) == limit
    uses = await owner.fetchval("SELECT count(*) FROM promotion_uses WHERE code = $1", code)
    assert uses == limit
    assert await reconcile.check(owner) == 0


async def test_a_customer_is_counted_once_whatever_they_send_at_once(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=100)
    code = await make_voucher(owner, per_customer=2)
    carts = await asyncio.gather(*(prepare(crowd, variant, code) for _ in range(12)))
    email = f"{code.lower()}@example.com"
    answers = await asyncio.gather(*(buy(crowd, cart, email=email) for cart in carts))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 10


async def test_a_gift_card_is_never_overdrawn(crowd: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=100, price=610)
    card, code = await make_gift_card(owner, 2500)
    carts = await asyncio.gather(*(prepare(crowd, variant, code) for _ in range(20)))
    answers = await asyncio.gather(*(buy(crowd, cart) for cart in carts))
    assert {answer.status_code for answer in answers} <= {201, 409}
    while refused := [cart for cart, answer in zip(carts, answers, strict=True) if answer.status_code == 409]:
        carts = refused
        answers = [await buy(crowd, cart) for cart in carts]
    assert await owner.fetchval("SELECT balance FROM gift_cards WHERE id = $1", card) == 0
    paid = await owner.fetchval(
        "SELECT sum(gift_card) FROM orders JOIN gift_card_events e ON e.order_id = orders.id"
        " WHERE e.gift_card_id = $1",
        card,
    )
    assert paid == 2500
    assert await reconcile.check(owner) == 0
