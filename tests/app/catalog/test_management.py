"""Products by key: made, changed, published and read, each once, and never over what another changed."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import asyncpg
import httpx
import pytest

from app.cart import service as carts
from app.core.database import Database
from app.inventory import service as inventory
from app.keys.service import Scope
from tests.app.factories import fill_cart
from tests.app.keys.test_keys import make_key

PRODUCTS = "/api/v1/admin/products"


@pytest.fixture
async def key(database: Database) -> str:
    return await make_key(database, Scope.PRODUCTS_READ, Scope.PRODUCTS_WRITE)


def draft(**changes: Any) -> dict[str, Any]:
    return {
        "handle": f"made-{secrets.token_hex(6)}",
        "title": "A lamp",
        "description_html": "<p>Bright.</p><script>alert(1)</script>",
        "options": ["Colour"],
        "variants": [
            {"options": ["Red"], "price": {"amount": 1990}, "sku": "LAMP-R"},
            {"options": ["Blue"], "price": {"amount": 2490}, "compare_at_price": {"amount": 2990}},
        ],
        "pictures": [{"path": "products/lamp.svg", "alt": "The lamp"}],
        **changes,
    }


def send(
    client: httpx.Client,
    key: str,
    method: str,
    path: str,
    body: Any,
    *,
    once: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    sent = {
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": once or str(uuid.uuid4()),
        **(headers or {}),
    }
    return client.request(method, path, json=body, headers=sent)


async def set_units(database: Database, variant: int) -> None:
    async with database.transaction() as connection:
        await inventory.set_available(connection, [(variant, 5)], reason="count")


async def test_a_product_is_made_unpublished_then_published_and_found(client: httpx.Client, key: str) -> None:
    made = send(client, key, "POST", PRODUCTS, draft())
    assert made.status_code == 201, made.text
    product = made.json()
    assert made.headers["location"] == f"{PRODUCTS}/{product['id']}"
    assert product["description_html"] == "<p>Bright.</p>"
    assert [variant["title"] for variant in product["variants"]] == ["Red", "Blue"]
    public = f"/api/v1/products/{product['handle']}"
    assert client.get(public).status_code == 404
    changed = send(client, key, "PATCH", made.headers["location"], {"published": True})
    assert changed.json()["published"] is True
    shown = client.get(public).json()
    assert shown["variants"][1]["compare_at_price"]["amount"] == 2990
    assert shown["images"][0]["alt"] == "The lamp"


async def test_a_changed_price_shows_everywhere(client: httpx.Client, key: str) -> None:
    product = send(client, key, "POST", PRODUCTS, draft(published=True)).json()
    variant = product["variants"][0]["id"]
    answer = send(client, key, "PATCH", f"/api/v1/admin/variants/{variant}", {"price": {"amount": 990}})
    assert answer.json()["price"] == {"amount": 990, "currency": "EUR"}
    listed = client.get("/api/v1/products", params={"query": product["handle"].replace("-", " ")}).json()
    cheapest = [item["price"]["amount"] for item in listed["items"] if item["id"] == product["id"]]
    assert cheapest in ([990], [])
    shown = client.get(f"/api/v1/products/{product['handle']}").json()
    assert shown["variants"][0]["price"]["amount"] == 990


async def test_a_variant_is_given_a_size_and_packed_by_it(
    client: httpx.Client, key: str, database: Database
) -> None:
    made = send(client, key, "POST", PRODUCTS, draft(published=True)).json()
    red, blue = made["variants"]
    assert (red["size_mm"], blue["size_mm"]) == (None, None)
    path = f"/api/v1/admin/variants/{red['id']}"
    wrong = send(client, key, "PATCH", path, {"size_mm": [900, 400]})
    assert wrong.status_code == 422
    assert send(client, key, "PATCH", path, {"size_mm": [900, 400, 300]}).json()["size_mm"] == [900, 400, 300]
    await set_units(database, red["id"])
    record = await carts.read_cart(database, uuid.UUID(fill_cart(client, (red["id"], 1))))
    assert record.goods.items[0].size == (900, 400, 300)
    assert send(client, key, "PATCH", path, {"size_mm": None}).json()["size_mm"] is None


async def test_a_gift_card_is_made_for_good_and_is_worth_no_more_than_a_slip_may_cost(
    client: httpx.Client, key: str
) -> None:
    body = {"options": ["Card"], "price": {"amount": 5000}, "gift_card": True}
    product = send(client, key, "POST", PRODUCTS, draft()).json()
    assert {variant["gift_card"] for variant in product["variants"]} == {False}
    path = f"{PRODUCTS}/{product['id']}/variants"
    made = send(client, key, "POST", path, body)
    assert (made.status_code, made.json()["gift_card"]) == (201, True)
    variant = f"/api/v1/admin/variants/{made.json()['id']}"
    for amount in (0, 1_000_001):
        refused = send(client, key, "PATCH", variant, {"price": {"amount": amount}})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "price")
    assert send(client, key, "PATCH", variant, {"gift_card": False}).status_code == 422


async def test_a_change_of_what_was_changed_meanwhile_is_refused(client: httpx.Client, key: str) -> None:
    made = send(client, key, "POST", PRODUCTS, draft())
    path, seen = made.headers["location"], made.headers["etag"]
    assert client.get(path, headers={"Authorization": f"Bearer {key}"}).headers["etag"] == seen
    first = send(client, key, "PATCH", path, {"title": "First"}, headers={"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    second = send(client, key, "PATCH", path, {"title": "Second"}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["type"]) == (412, "/problems/precondition-failed")
    assert second.json()["etag"] == first.headers["etag"]
    # A price is part of what was read, too.
    variant = f"/api/v1/admin/variants/{made.json()['variants'][0]['id']}"
    stale = send(client, key, "PATCH", variant, {"active": False}, headers={"If-Match": seen})
    assert stale.status_code == 412


async def test_who_has_the_answer_gets_304(client: httpx.Client, key: str) -> None:
    path = send(client, key, "POST", PRODUCTS, draft()).headers["location"]
    first = client.get(path, headers={"Authorization": f"Bearer {key}"})
    again = client.get(
        path, headers={"Authorization": f"Bearer {key}", "If-None-Match": f'"x", W/{first.headers["etag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"].startswith("private")


async def test_the_same_request_twice_makes_one_product(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    body, once = draft(), str(uuid.uuid4())
    first = send(client, key, "POST", PRODUCTS, body, once=once)
    second = send(client, key, "POST", PRODUCTS, body, once=once)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["location"] == first.headers["location"]
    assert await owner.fetchval("SELECT count(*) FROM products WHERE handle = $1", body["handle"]) == 1
    other = send(client, key, "POST", PRODUCTS, draft(), once=once)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")
    elsewhere = send(client, key, "PATCH", first.headers["location"], {"title": "x"}, once=once)
    assert elsewhere.status_code == 409


async def test_the_same_request_twenty_times_at_once_makes_one_product(
    crowd: httpx.AsyncClient, key: str, owner: asyncpg.Connection
) -> None:
    body = draft()
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}
    answers = await asyncio.gather(*[crowd.post(PRODUCTS, json=body, headers=headers) for _ in range(20)])
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in done}) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/request-in-progress")
            assert answer.headers["retry-after"]
    assert await owner.fetchval("SELECT count(*) FROM products WHERE handle = $1", body["handle"]) == 1


async def test_a_request_whose_process_died_is_taken_up_again(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    body, once = draft(), str(uuid.uuid4())
    product = send(client, key, "POST", PRODUCTS, body, once=once).json()
    # As a crash between the claim and the work leaves it.
    await owner.execute(
        "UPDATE api_answers SET status = NULL, headers = NULL, body = NULL WHERE key = $1", once
    )
    for table, column in (("media", "product_id"), ("variants", "product_id"), ("products", "id")):
        await owner.execute(f"DELETE FROM {table} WHERE {column} = $1", product["id"])  # noqa: S608
    waiting = send(client, key, "POST", PRODUCTS, body, once=once)
    assert waiting.json()["type"] == "/problems/request-in-progress"
    await owner.execute(
        "UPDATE api_answers SET claimed_at = now() - interval '2 minutes' WHERE key = $1", once
    )
    assert send(client, key, "POST", PRODUCTS, body, once=once).status_code == 201


async def test_a_refusal_is_not_kept_with_the_key(client: httpx.Client, key: str) -> None:
    taken, once = draft(), str(uuid.uuid4())
    first = send(client, key, "POST", PRODUCTS, taken)
    refused = send(client, key, "POST", PRODUCTS, taken, once=once)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/handle-taken")
    assert taken["handle"] in refused.json()["detail"]
    mended = send(client, key, "POST", PRODUCTS, draft(), once=once)
    assert mended.status_code == 201
    assert first.status_code == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"variants": []}, "variants"),
        ({"variants": [{"options": [], "price": {"amount": 1}}]}, "options"),
        ({"variants": [{"options": ["Red"], "price": {"amount": -1}}]}, "amount"),
        ({"variants": [{"options": ["Red"], "price": {"amount": 1, "currency": "USD"}}]}, "currency"),
        ({"pictures": [{"path": "../secret"}]}, "path"),
        ({"pictures": [{"path": "javascript:alert(1)"}]}, "path"),
        ({"handle": "A handle"}, "handle"),
        ({"title": "a\x00b"}, "title"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_faulty_field_is_named(
    client: httpx.Client, key: str, changes: dict[str, Any], field: str
) -> None:
    refused = send(client, key, "POST", PRODUCTS, draft(**changes))
    assert refused.status_code == 422, refused.text
    assert field in refused.text


async def test_the_list_visits_each_product_once_while_others_are_made(
    client: httpx.Client, key: str
) -> None:
    wanted = [send(client, key, "POST", PRODUCTS, draft()).json()["id"] for _ in range(5)]
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        headers = {"Authorization": f"Bearer {key}"}
        page = client.get(PRODUCTS, params={"limit": 2, "cursor": cursor}, headers=headers).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if len(seen) < 8:
            send(client, key, "POST", PRODUCTS, draft())
    assert len(seen) == len(set(seen))
    assert set(wanted) <= set(seen)


@pytest.mark.parametrize("cursor", ["x", "!!", "IngI", "LTU", "W10"])
async def test_a_made_up_cursor_is_quoted(client: httpx.Client, key: str, cursor: str) -> None:
    refused = client.get(PRODUCTS, params={"cursor": cursor}, headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/cursor-invalid")
    assert repr(cursor) in refused.json()["detail"]


async def test_an_unsafe_request_without_a_key_of_its_own_is_refused(client: httpx.Client, key: str) -> None:
    refused = client.post(PRODUCTS, json=draft(), headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/idempotency-key-missing")
