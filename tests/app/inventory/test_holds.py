"""A cart's hold: nobody else gets the units, activity extends it, its end gives them back."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import httpx

from app import reconcile
from app.cart import service as carts
from app.core.database import Database
from app.core.settings import Settings
from app.inventory import service
from tests.app.factories import check_out, checkout_body, fill_cart, make_variant, stock_of


def reserve(client: httpx.Client, cart: str) -> httpx.Response:
    return client.post(f"/api/v1/carts/{cart}/reservation")


async def let_expire(owner: asyncpg.Connection, cart: str) -> None:
    await owner.execute(
        "UPDATE carts SET held_until = now() - interval '1 second' WHERE id = $1", uuid.UUID(cart)
    )


async def test_what_one_cart_holds_no_other_can_order(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    mine, other = fill_cart(client, (variant, 2)), fill_cart(client, (variant, 2))
    answer = reserve(client, mine)
    assert answer.status_code == 200
    assert answer.json()["reserved_until"]
    assert answer.json()["lines"][0]["available"] == 3
    assert client.get(f"/api/v1/carts/{other}").json()["lines"][0]["available"] == 1
    refused = check_out(client, other)
    assert refused.status_code == 409
    assert refused.json()["lines"][0]["available"] == 1
    assert reserve(client, other).status_code == 409
    assert await stock_of(owner, variant) == (1, 2)


async def test_an_order_takes_over_what_its_cart_holds(
    client: httpx.Client, owner: asyncpg.Connection, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=2)
    cart = fill_cart(client, (variant, 2))
    reserve(client, cart)
    assert check_out(client, cart).status_code == 201
    assert await stock_of(owner, variant) == (0, 2)
    assert await owner.fetchval("SELECT held FROM carts WHERE id = $1", uuid.UUID(cart)) is None
    assert await reconcile.run(settings) == 0


async def test_a_declined_payment_gives_the_held_units_back_once(
    client: httpx.Client, owner: asyncpg.Connection, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=2)
    cart = fill_cart(client, (variant, 2))
    reserve(client, cart)
    assert check_out(client, cart, "tok_declined").status_code == 402
    assert await stock_of(owner, variant) == (2, 0)
    assert check_out(client, cart).status_code == 201
    assert await reconcile.run(settings) == 0


async def test_an_expired_hold_is_given_back_to_the_next_who_wants_it(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=1)
    gone, waiting = fill_cart(client, (variant, 1)), fill_cart(client, (variant, 1))
    reserve(client, gone)
    assert check_out(client, waiting).status_code == 409
    await let_expire(owner, gone)
    assert check_out(client, waiting).status_code == 201
    assert check_out(client, gone).status_code == 409
    assert await stock_of(owner, variant) == (0, 1)


async def test_expiry_gives_back_each_hold_once(
    client: httpx.Client, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=10)
    held = [fill_cart(client, (variant, 2)) for _ in range(3)]
    for cart in held:
        reserve(client, cart)
    for cart in held[:2]:
        await let_expire(owner, cart)
    assert sum(await asyncio.gather(*[service.expire(database) for _ in range(5)])) == 2
    assert await stock_of(owner, variant) == (8, 2)
    assert await reconcile.run(settings) == 0


async def test_activity_extends_a_hold_up_to_its_cap(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=1)
    cart = fill_cart(client, (variant, 1))
    reserve(client, cart)
    for minutes, expected in ((5, 600), (25, 300), (31, 0)):
        await owner.execute(
            "UPDATE carts SET held_since = now() - make_interval(mins => $2),"
            " held_until = now() - interval '1 minute' WHERE id = $1",
            uuid.UUID(cart),
            minutes,
        )
        reserve(client, cart)
        left = await owner.fetchval(
            "SELECT extract(epoch FROM held_until - now()) FROM carts WHERE id = $1", uuid.UUID(cart)
        )
        assert expected - 5 < max(left, 0) <= expected


async def test_a_changed_cart_holds_what_it_lists_now(
    client: httpx.Client, owner: asyncpg.Connection, settings: Settings
) -> None:
    one, two = await make_variant(owner, stock=5), await make_variant(owner, stock=5)
    cart = fill_cart(client, (one, 3))
    reserve(client, cart)
    client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": two, "quantity": 1}).raise_for_status()
    line = client.get(f"/api/v1/carts/{cart}").json()["lines"][0]["id"]
    client.patch(f"/api/v1/carts/{cart}/lines/{line}", json={"quantity": 1}).raise_for_status()
    assert await stock_of(owner, one) == (4, 1)
    assert await stock_of(owner, two) == (4, 1)
    client.delete(f"/api/v1/carts/{cart}/lines/{line}").raise_for_status()
    assert await stock_of(owner, one) == (5, 0)
    assert client.delete(f"/api/v1/carts/{cart}/reservation").status_code == 204
    assert await stock_of(owner, two) == (5, 0)
    assert await reconcile.run(settings) == 0


async def test_a_cart_that_wants_more_than_there_is_keeps_what_it_held(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    one, two = await make_variant(owner, stock=5), await make_variant(owner, stock=1)
    cart = fill_cart(client, (one, 2))
    reserve(client, cart)
    client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": two, "quantity": 2}).raise_for_status()
    assert reserve(client, cart).status_code == 409
    assert await stock_of(owner, one) == (3, 2)
    assert await stock_of(owner, two) == (1, 0)


async def test_an_empty_or_unknown_cart_cannot_be_held(client: httpx.Client) -> None:
    assert reserve(client, fill_cart(client)).status_code == 422
    assert reserve(client, str(uuid.uuid4())).status_code == 404
    assert client.delete(f"/api/v1/carts/{uuid.uuid4()}/reservation").status_code == 404


async def test_the_pages_of_the_checkout_hold_the_units(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=2)
    client.post("/cart/lines", data={"variant_id": str(variant), "quantity": "2"})
    assert await stock_of(owner, variant) == (2, 0)
    assert client.get("/checkout").status_code == 200
    assert await stock_of(owner, variant) == (0, 2)


async def test_orders_holds_and_expiries_at_once_never_sell_a_unit_twice(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=12)

    async def shop(number: int) -> int:
        cart = str((await crowd.post("/api/v1/carts")).json()["id"])
        line = {"variant_id": variant, "quantity": 1 + number % 2}
        await crowd.post(f"/api/v1/carts/{cart}/lines", json=line)
        if number % 3:
            await crowd.post(f"/api/v1/carts/{cart}/reservation")
        if number % 5 == 0:
            await let_go(cart)
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = await crowd.post("/api/v1/checkouts", json=checkout_body(cart), headers=headers)
        return line["quantity"] if answer.status_code == 201 else 0

    async def let_go(cart: str) -> None:
        await carts.end_hold(database, uuid.UUID(cart))
        await service.expire(database)

    sold = sum(await asyncio.gather(*[shop(number) for number in range(60)]))
    available, reserved = await stock_of(owner, variant)
    held = await owner.fetchval(
        "SELECT coalesce(sum((h ->> 2)::integer), 0) FROM carts, jsonb_array_elements(held) AS h"
        " WHERE (h ->> 0)::bigint = $1",
        variant,
    )
    assert available + reserved == 12
    assert reserved == sold + held
    assert sold > 0
    assert await reconcile.run(settings) == 0
