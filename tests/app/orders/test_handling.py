"""Orders by key: a warehouse's system sends and cancels them, however often its requests arrive."""

from __future__ import annotations

import itertools
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.keys.service import Scope
from tests.app.factories import check_out, fill_cart, make_variant, stock_of
from tests.app.keys.test_keys import bearer, make_key

ORDERS = "/api/v1/admin/orders"
intentions = itertools.count()


@pytest.fixture
async def key(database: Database) -> dict[str, str]:
    return bearer(await make_key(database, Scope.ORDERS_READ, Scope.ORDERS_WRITE))


def send(
    client: httpx.Client,
    path: str,
    key: dict[str, str],
    body: Any = None,
    *,
    method: str = "POST",
    **headers: str,
) -> httpx.Response:
    own = {"Idempotency-Key": f"intention-{next(intentions)}", **headers}
    return client.request(method, f"{ORDERS}/{path}", json=body, headers={**key, **own})


async def order_of(client: httpx.Client, owner: asyncpg.Connection, *units: int) -> tuple[str, list[int]]:
    variants = [await make_variant(owner) for _ in units]
    cart = fill_cart(client, *zip(variants, units, strict=True))
    return check_out(client, cart).raise_for_status().json()["order"]["number"], variants


async def test_a_warehouse_sends_an_order_in_two_parcels(
    client: httpx.Client, owner: asyncpg.Connection, key: dict[str, str]
) -> None:
    number, variants = await order_of(client, owner, 3, 1)
    part = {"lines": [{"line": 1, "units": 2}], "carrier": "DHL", "tracking_number": "4711"}
    first = send(client, f"{number}/fulfilments", key, part)
    assert (first.status_code, first.json()["state"]) == (201, "partially_shipped")
    assert first.json()["fulfilments"][0]["tracking_number"] == "4711"
    packed = send(client, f"{number}/fulfilments", key, {"shipped": False}).json()
    assert [one["state"] for one in packed["fulfilments"]] == ["shipped", "open"]
    undone = send(client, f"{number}/fulfilments/2", key, method="DELETE")
    assert [one["state"] for one in undone.json()["fulfilments"]] == ["shipped"]
    send(client, f"{number}/fulfilments", key, {"shipped": False})
    gone = send(client, f"{number}/fulfilments/3/shipment", key, {"tracking_url": "https://track.example/1"})
    assert gone.json()["state"] == "shipped"
    for parcel, state in ((1, "shipped"), (3, "delivered")):
        assert send(client, f"{number}/fulfilments/{parcel}/delivery", key).json()["state"] == state
    assert [await stock_of(owner, variant) for variant in variants] == [(7, 0), (9, 0)]
    history = client.get(f"{ORDERS}/{number}", headers=key).json()["history"]
    assert [step["state"] for step in history][-3:] == ["shipped", "shipped", "delivered"]
    assert await reconcile.check(owner) == 0


async def test_a_request_that_arrives_twice_sends_one_parcel(
    client: httpx.Client, owner: asyncpg.Connection, key: dict[str, str]
) -> None:
    number, variants = await order_of(client, owner, 4)
    body = {"lines": [{"line": 1, "units": 1}]}
    path, once = f"{number}/fulfilments", {"Idempotency-Key": f"once-{number}"}
    first = send(client, path, key, body, **once)
    again = send(client, path, key, body, **once)
    assert (again.status_code, again.content, again.headers["etag"]) == (
        201,
        first.content,
        first.headers["etag"],
    )
    assert await stock_of(owner, variants[0]) == (6, 3)
    cancelled = send(client, f"{number}/cancellation", key, {"reason": "sold out", **body})
    assert cancelled.json().get("state") == "partially_shipped", cancelled.text
    assert await stock_of(owner, variants[0]) == (7, 2)


async def test_an_order_that_has_changed_meanwhile_is_left_alone(
    client: httpx.Client, owner: asyncpg.Connection, key: dict[str, str]
) -> None:
    number, _ = await order_of(client, owner, 2)
    seen = client.get(f"{ORDERS}/{number}", headers=key).headers["etag"]
    part = {"lines": [{"line": 1, "units": 1}]}
    sent = send(client, f"{number}/fulfilments", key, part, **{"If-Match": seen})
    assert sent.status_code == 201
    assert sent.headers["etag"] == client.get(f"{ORDERS}/{number}", headers=key).headers["etag"]
    late = send(client, f"{number}/cancellation", key, {"reason": "too late"}, **{"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/problems/precondition-failed")
    fresh = {"If-Match": sent.headers["etag"]}
    assert send(client, f"{number}/cancellation", key, {"reason": "the rest"}, **fresh).status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        ("fulfilments", {"lines": [{"line": 1, "units": 3}]}, 409, "too-many-units"),
        ("fulfilments", {"lines": [{"line": 7, "units": 1}]}, 409, "too-many-units"),
        ("fulfilments", {"lines": [{"line": 1, "units": 1}] * 2}, 422, "invalid"),
        ("fulfilments", {"location": "moon"}, 422, "invalid"),
        ("fulfilments", {"tracking_url": "javascript:alert(1)"}, 422, "invalid"),
        ("fulfilments/9/shipment", {}, 404, "not-found"),
        ("fulfilments/99999999/delivery", None, 404, "not-found"),
        ("cancellation", {"reason": " "}, 422, "invalid"),
        ("cancellation", {"reason": "x", "lines": []}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_reason(  # noqa: PLR0917
    client: httpx.Client,
    owner: asyncpg.Connection,
    key: dict[str, str],
    path: str,
    body: Any,
    status: int,
    slug: str,
) -> None:
    number, _ = await order_of(client, owner, 2)
    answer = send(client, f"{number}/{path}", key, body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text


async def test_an_ended_order_says_what_it_allows_and_a_reading_key_sends_nothing(
    client: httpx.Client, owner: asyncpg.Connection, database: Database, key: dict[str, str]
) -> None:
    number, _ = await order_of(client, owner, 1)
    assert send(client, f"{number}/cancellation", key, {"reason": "sold out"}).json()["state"] == "cancelled"
    refused = send(client, f"{number}/fulfilments", key, {})
    problem = refused.json()
    assert (refused.status_code, problem["state"], problem["allowed"]) == (409, "cancelled", [])
    assert send(client, "S1/cancellation", key, {"reason": "sold out"}).status_code == 404
    reading = bearer(await make_key(database, Scope.ORDERS_READ))
    assert send(client, f"{number}/fulfilments", reading, {}).json()["scope"] == "orders:write"
