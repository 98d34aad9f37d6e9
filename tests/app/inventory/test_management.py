"""Stock by key: booked once, never below nothing, and the ledgers still balance."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.core.settings import Settings
from app.keys.service import Scope
from tests.app.factories import check_out, fill_cart, make_variant, stock_of
from tests.app.keys.test_keys import bearer, make_key

STOCK = "/api/v1/admin/stock"


@pytest.fixture
async def key(database: Database) -> str:
    return await make_key(database, Scope.STOCK_READ, Scope.STOCK_WRITE)


def book(
    client: httpx.Client, key: str, what: str, body: dict[str, Any], *, once: str | None = None
) -> httpx.Response:
    headers = {**bearer(key), "Idempotency-Key": once or str(uuid.uuid4())}
    return client.post(f"{STOCK}/{what}", json={"reason": "test", **body}, headers=headers)


def levels(answer: httpx.Response) -> dict[str, tuple[int, int]]:
    items = answer.raise_for_status().json()["items"]
    return {item["location"]: (item["available"], item["reserved"]) for item in items}


def open_location(client: httpx.Client, key: str) -> str:
    code = f"shop-{secrets.token_hex(3)}"
    headers = {**bearer(key), "Idempotency-Key": str(uuid.uuid4())}
    body = {"name": "A shop", "priority": 200}
    client.put(f"/api/v1/admin/locations/{code}", json=body, headers=headers).raise_for_status()
    return code


async def test_goods_come_are_corrected_counted_and_moved(
    client: httpx.Client, key: str, owner: asyncpg.Connection, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=10)
    shop = open_location(client, key)
    lines = [{"variant_id": variant, "units": 5}]
    assert levels(book(client, key, "receipts", {"lines": lines})) == {"main": (15, 0)}
    lines = [{"variant_id": variant, "units": -3}]
    assert levels(book(client, key, "adjustments", {"lines": lines})) == {"main": (12, 0)}
    lines = [{"variant_id": variant, "available": 20}]
    assert levels(book(client, key, "counts", {"lines": lines})) == {"main": (20, 0)}
    moved = {"source": "main", "target": shop, "lines": [{"variant_id": variant, "units": 8}]}
    assert levels(book(client, key, "transfers", moved)) == {"main": (12, 0), shop: (8, 0)}
    seen = client.get(STOCK, params={"variant_id": variant}, headers=bearer(key))
    assert levels(seen) == {"main": (12, 0), shop: (8, 0)}
    path = f"/api/v1/admin/variants/{variant}/movements"
    ledger = client.get(path, params={"limit": 2}, headers=bearer(key)).json()
    assert {row["actor"] for row in ledger["items"]} == {"key test"}
    older = client.get(path, params={"cursor": ledger["next_cursor"]}, headers=bearer(key)).json()
    assert [row["quantity"] for row in older["items"]] == [8, -3, 5, 10]
    assert await reconcile.run(settings) == 0


async def test_the_same_receipt_sent_twenty_times_at_once_is_booked_once(
    crowd: httpx.AsyncClient, key: str, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=0)
    body = {"reason": "delivery", "lines": [{"variant_id": variant, "units": 7}]}
    headers = {**bearer(key), "Idempotency-Key": str(uuid.uuid4())}
    answers = await asyncio.gather(
        *[crowd.post(f"{STOCK}/receipts", json=body, headers=headers) for _ in range(20)]
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await stock_of(owner, variant) == (7, 0)


async def test_what_orders_have_reserved_cannot_be_booked_away(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=5)
    number = check_out(client, fill_cart(client, (variant, 3))).json()["order"]["number"]
    refused = book(client, key, "adjustments", {"lines": [{"variant_id": variant, "units": -3}]})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-few-units")
    assert await stock_of(owner, variant) == (2, 3)
    held = client.get("/api/v1/admin/reservations", params={"order": number}, headers=bearer(key))
    assert held.json()["items"] == [
        {"order_number": number, "variant_id": variant, "location": "main", "quantity": 3}
    ]


async def test_a_booking_of_several_lines_is_whole_or_not_at_all(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    plenty, few = await make_variant(owner, stock=9), await make_variant(owner, stock=1)
    lines = [{"variant_id": plenty, "units": -2}, {"variant_id": few, "units": -2}]
    assert book(client, key, "adjustments", {"lines": lines}).status_code == 409
    unknown = [{"variant_id": plenty, "units": 2}, {"variant_id": 10**15, "units": 2}]
    refused = book(client, key, "receipts", {"lines": unknown})
    assert (refused.status_code, str(10**15) in refused.text) == (422, True)
    assert await stock_of(owner, plenty) == (9, 0)


@pytest.mark.parametrize(
    ("what", "body", "quoted"),
    [
        ("receipts", {"lines": []}, "lines"),
        ("receipts", {"lines": [{"variant_id": 1, "units": 0}]}, "units"),
        ("receipts", {"lines": [{"variant_id": 1, "units": 1}], "location": "moon"}, "moon"),
        ("receipts", {"lines": [{"variant_id": 1, "units": 1}], "reason": " "}, "reason"),
        ("counts", {"lines": [{"variant_id": 1, "available": 1}] * 2}, "twice"),
        ("transfers", {"source": "main", "target": "main", "lines": [{"variant_id": 1, "units": 1}]}, "main"),
    ],
)
def test_a_faulty_booking_is_refused_with_what_is_wrong(
    client: httpx.Client, key: str, what: str, body: dict[str, Any], quoted: str
) -> None:
    refused = book(client, key, what, body)
    assert refused.status_code == 422, refused.text
    assert quoted in refused.text


async def test_every_level_is_listed_once(client: httpx.Client, key: str, owner: asyncpg.Connection) -> None:
    wanted = {await make_variant(owner) for _ in range(5)}
    seen: list[tuple[int, str]] = []
    cursor = ""
    while cursor is not None:
        page = client.get(STOCK, params={"limit": 3, "cursor": cursor}, headers=bearer(key)).json()
        seen += [(item["variant_id"], item["location"]) for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert wanted <= {variant for variant, _ in seen}
