"""Carts over the API and on the page."""

from __future__ import annotations

import uuid

import asyncpg
import httpx
import pytest

from tests.app.factories import fill_cart, make_variant


async def test_a_cart_adds_up(client: httpx.Client, owner: asyncpg.Connection) -> None:
    first, second = await make_variant(owner, price=999), await make_variant(owner, price=1)
    cart = client.get(f"/api/v1/carts/{fill_cart(client, (first, 2), (second, 3), (first, 1))}").json()
    assert [(line["variant_id"], line["quantity"]) for line in cart["lines"]] == [(first, 3), (second, 3)]
    totals = cart["totals"]
    assert (totals["quantity"], totals["subtotal"]) == (6, {"amount": 3000, "currency": "EUR"})
    assert totals["total"] == totals["subtotal"]


async def test_a_line_changes_and_goes(client: httpx.Client, owner: asyncpg.Connection) -> None:
    cart = fill_cart(client, (await make_variant(owner, price=100), 2))
    line = client.get(f"/api/v1/carts/{cart}").json()["lines"][0]["id"]
    changed = client.patch(f"/api/v1/carts/{cart}/lines/{line}", json={"quantity": 5})
    assert changed.json()["totals"]["subtotal"]["amount"] == 500
    emptied = client.delete(f"/api/v1/carts/{cart}/lines/{line}")
    assert (emptied.status_code, emptied.json()["lines"]) == (200, [])
    assert client.delete(f"/api/v1/carts/{cart}/lines/{line}").status_code == 404


async def test_a_line_of_another_cart_cannot_be_touched(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner)
    mine, other = fill_cart(client, (variant, 1)), fill_cart(client, (variant, 1))
    line = client.get(f"/api/v1/carts/{other}").json()["lines"][0]["id"]
    assert client.patch(f"/api/v1/carts/{mine}/lines/{line}", json={"quantity": 9}).status_code == 404
    assert client.delete(f"/api/v1/carts/{mine}/lines/{line}").status_code == 404


@pytest.mark.parametrize("quantity", [0, -1, 100, 10**30, 1.5, "two", None, True])
async def test_a_quantity_that_cannot_be_is_refused(
    client: httpx.Client, owner: asyncpg.Connection, quantity: object
) -> None:
    cart, variant = fill_cart(client), await make_variant(owner)
    refused = client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": variant, "quantity": quantity})
    assert refused.status_code == 422
    assert "quantity" in refused.text


@pytest.mark.parametrize("variant", [0, -5, 2**62, 2**64, "x"])
def test_a_variant_that_is_not_sold_is_refused(client: httpx.Client, variant: object) -> None:
    refused = client.post(f"/api/v1/carts/{fill_cart(client)}/lines", json={"variant_id": variant})
    assert refused.status_code == 422
    assert "variant_id" in refused.text


async def test_a_withdrawn_variant_cannot_be_added(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, active=False)
    assert (
        client.post(f"/api/v1/carts/{fill_cart(client)}/lines", json={"variant_id": variant}).status_code
        == 422
    )


async def test_ninety_nine_of_one_is_the_most(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=1000)
    cart = fill_cart(client, (variant, 99))
    refused = client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": variant, "quantity": 1})
    assert refused.status_code == 422
    assert client.get(f"/api/v1/carts/{cart}").json()["totals"]["quantity"] == 99


@pytest.mark.parametrize("cart", [uuid.uuid4(), "cart", "1"])
def test_an_unknown_cart_is_not_found(client: httpx.Client, cart: object) -> None:
    answer = client.get(f"/api/v1/carts/{cart}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_line_number_beyond_bigint_is_no_fault_of_the_store(client: httpx.Client) -> None:
    answer = client.patch(f"/api/v1/carts/{fill_cart(client)}/lines/{10**30}", json={"quantity": 1})
    assert answer.status_code in (404, 422)


async def test_the_badge_counts_and_stays_private(client: httpx.Client, owner: asyncpg.Connection) -> None:
    assert "set-cookie" not in client.get("/fragments/cart").headers
    answer = client.post("/cart/lines", data={"variant_id": await make_variant(owner), "quantity": 3})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cart")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    badge = client.get("/fragments/cart")
    assert "3" in badge.text
    assert badge.headers["cache-control"] == "no-store"


async def test_htmx_adds_without_leaving_the_page(client: httpx.Client, owner: asyncpg.Connection) -> None:
    fields = {"variant_id": await make_variant(owner)}
    answer = client.post("/cart/lines", data=fields, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-trigger"]) == (204, "cart-changed")


def test_a_forged_cookie_is_no_cart(client: httpx.Client) -> None:
    client.cookies.set("cart", f"{uuid.uuid4()}.forged")
    assert "empty" in client.get("/cart").text


async def test_the_page_says_what_is_short(client: httpx.Client, owner: asyncpg.Connection) -> None:
    client.follow_redirects = True
    page = client.post("/cart/lines", data={"variant_id": await make_variant(owner, stock=2), "quantity": 3})
    assert "Only 2 available" in page.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_sites_form_cannot_fill_the_cart(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/cart/lines", data={"variant_id": 1}, headers=headers).status_code == 403


async def test_a_cart_that_changed_meanwhile_is_not_changed_by_who_saw_it_before(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, other = await make_variant(owner), await make_variant(owner)
    path = f"/api/v1/carts/{fill_cart(client, (variant, 1))}"
    seen = client.get(path)
    assert client.get(path, headers={"If-None-Match": seen.headers["etag"]}).status_code == 304
    line = f"{path}/lines/{seen.json()['lines'][0]['id']}"
    stale = {"If-Match": seen.headers["etag"]}
    changed = client.patch(line, json={"quantity": 2}, headers=stale)
    assert changed.status_code == 200
    for refused in (
        client.patch(line, json={"quantity": 3}, headers=stale),
        client.delete(line, headers=stale),
        client.post(f"{path}/lines", json={"variant_id": other}, headers=stale),
        client.delete(line, headers={"If-Match": '"made up"'}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (412, "/problems/precondition-failed")
    assert client.get(path).json()["lines"][0]["quantity"] == 2
    assert client.delete(line, headers={"If-Match": changed.headers["etag"]}).status_code == 200


async def test_stock_that_moves_is_another_answer_but_no_other_cart(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=10)
    path = f"/api/v1/carts/{fill_cart(client, (variant, 1))}"
    seen = client.get(path)
    await owner.execute("UPDATE stock SET available = 9 WHERE variant_id = $1", variant)
    await owner.execute(
        "INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)"
        " VALUES ($1, 1, 'adjusted', -1, 'test')",
        variant,
    )
    again = client.get(path, headers={"If-None-Match": seen.headers["etag"]})
    assert (again.status_code, again.json()["lines"][0]["available"]) == (200, 9)
    line = f"{path}/lines/{seen.json()['lines'][0]['id']}"
    kept = client.patch(line, json={"quantity": 2}, headers={"If-Match": seen.headers["etag"]})
    assert kept.status_code == 200
