"""Bodies are taken as the document describes them; what nearly fits is refused, and its place is named."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from tests.app.factories import checkout_body, fill_cart, make_variant


@pytest.fixture
async def variant(owner: asyncpg.Connection) -> int:
    return await make_variant(owner)


@pytest.mark.parametrize("quantity", ["1", 1.5, True, None, [1], {"units": 1}])
def test_only_a_number_is_a_number(client: httpx.Client, variant: int, quantity: object) -> None:
    cart = fill_cart(client, (variant, 1))
    answer = client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": variant, "quantity": quantity})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "quantity"
    assert "Expected `int`" in fault["message"]


def test_a_fault_deep_inside_is_named_by_its_path(client: httpx.Client, variant: int) -> None:
    body = checkout_body(fill_cart(client, (variant, 1)), "tok_ok")
    body["shipping_address"] = {**body["shipping_address"], "city": 5}
    answer = client.post("/api/v1/checkouts", json=body, headers={"Idempotency-Key": "a-key"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "shipping_address.city", "message": "Expected `str`, got `int`"}
    ]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5"])
def test_a_body_of_another_kind_is_named_as_a_whole(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a-key"}
    answer = client.post("/api/v1/checkouts", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body"


@pytest.mark.parametrize("body", [b'{"a":', b"\xff\xfe", b'{"email": "\xff"}'])
def test_a_body_that_is_no_json_is_malformed(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "a-key"}
    answer = client.post("/api/v1/checkouts", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed"
