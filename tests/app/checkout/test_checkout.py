"""Buying over the API: what is answered, kept, repeated and refused."""

from __future__ import annotations

import time
import uuid
from typing import Any

import asyncpg
import httpx
import pytest

from tests.app.factories import STANDARD, check_out, checkout_body, fill_cart, make_variant, stock_of


async def test_a_guest_buys_and_sees_the_order_with_its_token(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=10, price=1250)
    answer = check_out(client, fill_cart(client, (variant, 2)))
    assert answer.status_code == 201
    order = answer.json()["order"]
    assert order["state"] == "confirmed"
    assert order["total"] == {"amount": 2500 + STANDARD, "currency": "EUR"}
    seen = client.get(
        f"/api/v1/orders/{order['number']}", headers={"Authorization": f"Bearer {order['token']}"}
    )
    assert seen.json()["lines"][0]["quantity"] == 2
    assert seen.json()["total"] == order["total"]
    assert client.get(f"/orders/{order['number']}", params={"token": order["token"]}).status_code == 200
    assert await stock_of(owner, variant) == (8, 2)


async def test_an_order_is_hidden_without_its_token(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner)
    number = check_out(client, fill_cart(client, (variant, 1))).json()["order"]["number"]
    for token in ("", "wrong", "ä"):
        assert client.get(f"/api/v1/orders/{number}", params={"token": token}).status_code == 404
        assert client.get(f"/orders/{number}", params={"token": token}).status_code == 404


@pytest.mark.parametrize("token", ["tok_ok", "tok_slow", "tok_declined", "tok_unheard_of"])
async def test_a_repeated_request_gets_the_same_answer_byte_for_byte(
    client: httpx.Client, owner: asyncpg.Connection, token: str
) -> None:
    variant = await make_variant(owner, stock=5)
    cart, key = fill_cart(client, (variant, 1)), str(uuid.uuid4())
    first = check_out(client, cart, token, key=key)
    second = check_out(client, cart, token, key=key)
    assert first.status_code == (201 if token in ("tok_ok", "tok_slow") else 402)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["content-type"] == first.headers["content-type"]
    assert await owner.fetchval("SELECT count(*) FROM orders WHERE cart_id = $1", uuid.UUID(cart)) == 1


async def test_the_same_key_with_another_body_is_refused(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner)
    cart, other, key = fill_cart(client, (variant, 1)), fill_cart(client, (variant, 1)), str(uuid.uuid4())
    assert check_out(client, cart, key=key).status_code == 201
    for refused in (
        check_out(client, cart, key=key, email="eve@example.com"),
        check_out(client, other, key=key),
    ):
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("idempotency-key-reused")
    assert await stock_of(owner, variant) == (9, 1)


async def test_a_declined_card_takes_nothing_and_keeps_the_cart(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    cart = fill_cart(client, (variant, 3))
    declined = check_out(client, cart, "tok_declined")
    assert declined.status_code == 402
    assert declined.headers["content-type"] == "application/problem+json"
    assert client.get(f"/api/v1/carts/{cart}").json()["state"] == "open"
    assert await stock_of(owner, variant) == (3, 0)
    assert check_out(client, cart).status_code == 201


async def test_three_d_secure_waits_for_the_shopper_then_the_key_answers_the_order(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    cart, key = fill_cart(client, (variant, 1)), str(uuid.uuid4())
    waiting = check_out(client, cart, "tok_3ds", key=key)
    assert waiting.status_code == 202
    address = waiting.json()["next_action"]["url"]
    assert waiting.headers["location"] == address
    assert check_out(client, cart, "tok_3ds", key=key).content == waiting.content
    assert await stock_of(owner, variant) == (2, 1)

    back = httpx.post(address, data={"outcome": "approve"}, trust_env=False)
    assert back.status_code == 303
    seen = httpx.get(back.headers["location"], trust_env=False)
    assert seen.headers["location"].startswith("/orders/")
    done = check_out(client, cart, "tok_3ds", key=key)
    assert done.status_code == 201
    assert done.json()["order"]["number"] == waiting.json()["order"]["number"]


async def test_three_d_secure_declined_releases_the_stock(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    cart, key = fill_cart(client, (variant, 1)), str(uuid.uuid4())
    address = check_out(client, cart, "tok_3ds", key=key).json()["next_action"]["url"]
    back = httpx.post(address, data={"outcome": "decline"}, trust_env=False)
    assert (
        httpx.get(back.headers["location"], trust_env=False)
        .headers["location"]
        .startswith("/checkout/payment")
    )
    assert check_out(client, cart, "tok_3ds", key=key).status_code == 402
    assert await stock_of(owner, variant) == (3, 0)


async def test_a_failing_gateway_is_said_and_takes_nothing(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    cart, key = fill_cart(client, (variant, 1)), str(uuid.uuid4())
    started = time.monotonic()
    failed = check_out(client, cart, "tok_error", key=key)
    assert time.monotonic() - started < 3
    assert failed.status_code == 503
    assert failed.headers["retry-after"]
    assert client.get(f"/api/v1/carts/{cart}").json()["state"] == "open"
    assert await stock_of(owner, variant) == (3, 0)
    assert check_out(client, cart, "tok_ok").status_code == 201


async def test_more_than_there_is_is_refused_with_the_lines(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    short, plenty = await make_variant(owner, stock=2), await make_variant(owner, stock=50)
    refused = check_out(client, fill_cart(client, (plenty, 1), (short, 3)))
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("insufficient-stock")
    assert [
        (line["variant_id"], line["quantity"], line["available"]) for line in refused.json()["lines"]
    ] == [(short, 3, 2)]
    assert await stock_of(owner, plenty) == (50, 0)


async def test_a_cart_becomes_one_order_whatever_the_keys(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    cart = fill_cart(client, (await make_variant(owner), 1))
    assert check_out(client, cart).status_code == 201
    again = check_out(client, cart)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/cart-ordered")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.c\x00"}, "email"),
        (
            {"shipping_address": {"name": "A", "line1": "B", "city": "", "postcode": "1", "country": "DE"}},
            "city",
        ),
        (
            {"shipping_address": {"name": "A", "line1": "B", "city": "C", "postcode": "1", "country": "XX"}},
            "country",
        ),
        (
            {
                "shipping_address": {
                    "name": "A\x00",
                    "line1": "B",
                    "city": "C",
                    "postcode": "1",
                    "country": "DE",
                }
            },
            "name",
        ),
        ({"shipping_method": "pigeon"}, "shipping_method"),
        ({"payment": {"token": "4111 1111 1111 1111"}}, "token"),
        ({"payment": {}}, "token"),
        ({"cart_id": str(uuid.uuid4())}, "cart_id"),
        ({"cart_id": "my cart"}, "cart_id"),
    ],
)
async def test_a_faulty_field_is_named(
    client: httpx.Client, owner: asyncpg.Connection, changes: dict[str, Any], field: str
) -> None:
    cart = fill_cart(client, (await make_variant(owner), 1))
    refused = check_out(client, cart, **changes)
    assert refused.status_code == 422
    assert field in refused.text
    assert check_out(client, cart).status_code == 201


@pytest.mark.parametrize("key", [None, "", "x" * 201, "tab\tin it"])
def test_a_checkout_needs_a_usable_key(client: httpx.Client, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    refused = client.post("/api/v1/checkouts", json=checkout_body(str(uuid.uuid4())), headers=headers)
    assert refused.status_code == 400
    assert refused.json()["type"].startswith("/problems/idempotency-key")


async def test_an_empty_cart_cannot_be_ordered(client: httpx.Client) -> None:
    refused = check_out(client, fill_cart(client))
    assert (refused.status_code, "empty" in refused.text) == (422, True)
