"""Orders and their payments by key: found, read, followed."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from app.core.database import Database
from app.keys.service import Scope
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.keys.test_keys import bearer, make_key

ORDERS = "/api/v1/admin/orders"


@pytest.fixture
async def headers(database: Database) -> dict[str, str]:
    return bearer(await make_key(database, Scope.ORDERS_READ, Scope.PAYMENTS_READ))


def buy(client: httpx.Client, variant: int, token: str = "tok_ok") -> None:
    check_out(client, fill_cart(client, (variant, 1)), token)


def numbers(answer: httpx.Response) -> list[str]:
    return [item["number"] for item in answer.raise_for_status().json()["items"]]


async def test_orders_are_listed_newest_first_and_each_once_while_others_come(
    client: httpx.Client, owner: asyncpg.Connection, headers: dict[str, str]
) -> None:
    variant = await make_variant(owner, stock=50)
    for _ in range(5):
        buy(client, variant)
    newest = numbers(client.get(ORDERS, params={"limit": 5}, headers=headers))
    assert newest == sorted(newest, key=lambda number: -int(number[1:]))
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = client.get(ORDERS, params={"limit": 2, "cursor": cursor}, headers=headers)
        seen += numbers(page)
        cursor = page.json()["next_cursor"] or ""
        buy(client, variant)
    assert seen[:5] == newest


async def test_orders_are_found_by_state_and_time(
    client: httpx.Client, owner: asyncpg.Connection, headers: dict[str, str]
) -> None:
    variant = await make_variant(owner)
    start = (await owner.fetchval("SELECT now()")).isoformat()
    buy(client, variant)
    buy(client, variant, "tok_declined")
    found = client.get(ORDERS, params={"created_from": start}, headers=headers).json()["items"]
    assert [item["state"] for item in found] == ["payment_failed", "confirmed"]
    failed = client.get(ORDERS, params={"updated_from": start, "state": "payment_failed"}, headers=headers)
    assert len(numbers(failed)) == 1
    assert numbers(client.get(ORDERS, params={"created_to": "2001-01-01T00:00:00Z"}, headers=headers)) == []
    refused = client.get(ORDERS, params={"created_from": "yesterday"}, headers=headers)
    assert (refused.status_code, "'yesterday'" in refused.text) == (422, True)


async def test_an_order_and_its_payments_are_read_by_key_without_the_buyers_token(
    client: httpx.Client, owner: asyncpg.Connection, headers: dict[str, str]
) -> None:
    buy(client, await make_variant(owner, price=1500))
    number = numbers(client.get(ORDERS, params={"limit": 1}, headers=headers))[0]
    order = client.get(f"{ORDERS}/{number}", headers=headers)
    assert order.json()["lines"][0]["unit_price"]["amount"] == 1500
    assert "token" not in order.json()
    again = client.get(f"{ORDERS}/{number}", headers={**headers, "If-None-Match": order.headers["etag"]})
    assert again.status_code == 304
    events = client.get(f"{ORDERS}/{number}/payments", headers=headers).json()["items"]
    assert (
        sum(event["amount"]["amount"] for event in events if event["kind"] == "captured")
        == (order.json()["total"]["amount"])
    )
    missing = client.get(f"{ORDERS}/S1", headers=headers)
    assert (missing.status_code, "'S1'" in missing.json()["detail"]) == (404, True)


async def test_the_scope_of_orders_does_not_show_payments(client: httpx.Client, database: Database) -> None:
    key = bearer(await make_key(database, Scope.ORDERS_READ))
    refused = client.get(f"{ORDERS}/S1/payments", headers=key)
    assert (refused.status_code, refused.json()["scope"]) == (403, "payments:read")


async def test_a_refund_sent_twice_gives_back_once_and_never_more_than_was_taken(
    client: httpx.Client, owner: asyncpg.Connection, database: Database
) -> None:
    key = bearer(await make_key(database, Scope.ORDERS_READ, Scope.PAYMENTS_READ, Scope.PAYMENTS_WRITE))
    buy(client, await make_variant(owner, price=1000))
    path = f"{ORDERS}/{numbers(client.get(ORDERS, params={'limit': 1}, headers=key))[0]}"
    once = {**key, "Idempotency-Key": "refund-1"}
    body = {"amount": {"amount": 400}, "reason": "damaged"}
    first = client.post(f"{path}/refunds", json=body, headers=once)
    assert (first.status_code, first.json()["state"]) == (201, "done")
    assert client.post(f"{path}/refunds", json=body, headers=once).content == first.content
    more = {"amount": {"amount": 5000}, "reason": "all of it"}
    refused = client.post(f"{path}/refunds", json=more, headers={**key, "Idempotency-Key": "refund-2"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/refund-too-large")
    events = client.get(f"{path}/payments", headers=key).json()["items"]
    assert [one["amount"]["amount"] for one in events if one["kind"] == "refunded"] == [400]
