"""Codes in a cart and on an order, over the API and the pages."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from app.pricing.basket import AmountOff, FreeShipping
from app.promotions import service
from tests.app.factories import ADDRESS, STANDARD, check_out, fill_cart, make_variant
from tests.app.promotions.makers import make_promotion, make_voucher, put_code


def order_of(client: httpx.Client, answer: httpx.Response) -> dict[str, object]:
    placed = answer.json()["order"]
    seen = client.get(f"/api/v1/orders/{placed['number']}", params={"token": placed["token"]})
    order: dict[str, object] = seen.raise_for_status().json()
    return order


async def test_a_voucher_lowers_the_cart_and_the_order_alike(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, code = await make_variant(owner, price=2380), await make_voucher(owner)
    cart = fill_cart(client, (variant, 1))
    shown = put_code(client, cart, f" {code[:4].lower()}-{code[4:].lower()} ").raise_for_status().json()
    assert shown["totals"]["discount"]["amount"] == 238
    assert shown["totals"]["total"]["amount"] == 2142
    assert shown["totals"]["tax"]["amount"] == 342
    assert shown["codes"][0]["applies"] is True
    assert shown["lines"][0]["benefits"][0]["amount"]["amount"] == 238
    order = order_of(client, check_out(client, cart))
    assert order["discount"] == {"amount": 238, "currency": "EUR"}
    assert order["total"] == {"amount": 2142 + STANDARD, "currency": "EUR"}
    assert order["tax"] == {"amount": 342 + 62, "currency": "EUR"}
    assert order["benefits"][0]["code"] == code  # type: ignore[index]


async def test_the_country_decides_the_tax_at_checkout(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, price=1000)
    address = {**ADDRESS, "country": "FR", "postcode": "75001"}
    french = order_of(client, check_out(client, fill_cart(client, (variant, 1)), shipping_address=address))
    assert french["lines"][0]["tax_rate"] == 2000  # type: ignore[index]
    assert french["tax_included"] is True
    address = {**ADDRESS, "country": "US", "postcode": "10001"}
    abroad = order_of(client, check_out(client, fill_cart(client, (variant, 1)), shipping_address=address))
    assert (abroad["tax_included"], abroad["tax"]) == (False, {"amount": 0, "currency": "EUR"})


async def test_an_automatic_promotion_needs_no_code(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, price=1000)
    product = await owner.fetchval("SELECT product_id FROM variants WHERE id = $1", variant)
    promotion = await make_promotion(owner, AmountOff(300), automatic=True, products=(product,))
    cart = fill_cart(client, (variant, 1))
    try:
        # The web process reads the automatic ones anew every two seconds.
        for _ in range(60):
            found = client.get(f"/api/v1/carts/{cart}").json()["totals"]["discount"]["amount"]
            if found:
                break
            time.sleep(0.1)
        assert found == 300
    finally:
        await owner.execute("UPDATE promotions SET active = false WHERE id = $1", promotion)


async def test_a_code_that_waits_for_more_says_how_much(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, code = await make_variant(owner, price=1000), await make_voucher(owner, minimum_spend=2000)
    cart = fill_cart(client, (variant, 1))
    told = put_code(client, cart, code).raise_for_status().json()["codes"][0]
    assert (told["applies"], told["detail"]) == (False, "needs a purchase of €20.00: €10.00 more")
    line = client.get(f"/api/v1/carts/{cart}").json()["lines"][0]["id"]
    client.patch(f"/api/v1/carts/{cart}/lines/{line}", json={"quantity": 2}).raise_for_status()
    assert client.get(f"/api/v1/carts/{cart}").json()["totals"]["discount"]["amount"] == 200


async def test_a_code_that_never_will_apply_is_refused_in_plain_words(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    cart = fill_cart(client, (await make_variant(owner), 1))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = await make_voucher(owner, ends_at=yesterday)
    answer = put_code(client, cart, expired)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/code-refused")
    assert "expired on" in answer.json()["detail"]
    assert "is not known" in put_code(client, cart, "NOSUCHCODE").json()["detail"]
    assert client.get(f"/api/v1/carts/{cart}").json()["codes"] == []


async def test_a_removed_code_takes_its_discount_along(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    cart, code = fill_cart(client, (await make_variant(owner), 1)), await make_voucher(owner)
    put_code(client, cart, code).raise_for_status()
    left = client.delete(f"/api/v1/carts/{cart}/codes/{code}").raise_for_status().json()
    assert (left["codes"], left["totals"]["discount"]["amount"]) == ([], 0)
    assert client.delete(f"/api/v1/carts/{cart}/codes/{code}").status_code == 404


async def test_a_code_of_a_batch_serves_one_order(client: httpx.Client, owner: asyncpg.Connection) -> None:
    variant, promotion = await make_variant(owner), await make_promotion(owner, FreeShipping())
    codes = await service.make_codes(owner, promotion, 50)
    assert len(set(codes)) == 50
    first, second = (fill_cart(client, (variant, 1)) for _ in range(2))
    for cart in (first, second):
        put_code(client, cart, codes[0]).raise_for_status()
    order = order_of(client, check_out(client, first))
    assert order["shipping"] == {"amount": 0, "currency": "EUR"}
    refused = check_out(client, second)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/code-refused")
    assert "has been used up" in refused.json()["detail"]
    # With the total in view the buyer may go on without it.
    assert check_out(client, second, expected_total=1000).json()["type"] == "/problems/total-changed"
    assert check_out(client, second, expected_total=1000 + STANDARD).status_code == 201


async def test_a_declined_payment_gives_the_code_back(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, promotion = await make_variant(owner), await make_promotion(owner, usage_limit=1)
    [code] = await service.make_codes(owner, promotion, 1)
    cart = fill_cart(client, (variant, 1))
    put_code(client, cart, code).raise_for_status()
    assert check_out(client, cart, "tok_declined").status_code == 402
    assert await owner.fetchval("SELECT count(*) FROM promotion_uses WHERE promotion_id = $1", promotion) == 0
    assert check_out(client, cart).status_code == 201
    assert (
        await owner.fetchval("SELECT sum(used) FROM promotion_slots WHERE promotion_id = $1", promotion) == 1
    )


async def test_a_promotion_for_the_first_order_knows_the_customer_in_any_case(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, code = await make_variant(owner), await make_voucher(owner, first_order=True)
    email = f"{code.lower()}@example.com"
    for expected, address in ((201, email), (409, email.upper())):
        cart = fill_cart(client, (variant, 1))
        put_code(client, cart, code).raise_for_status()
        assert check_out(client, cart, email=address).status_code == expected


async def test_who_guesses_codes_is_stopped_for_a_while(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    cart = fill_cart(client, (await make_variant(owner), 1))
    guesser = {"X-Forwarded-For": "192.0.2.77"}
    answers = [
        client.post(f"/api/v1/carts/{cart}/codes", json={"code": f"GUESS{n}"}, headers=guesser).status_code
        for n in range(22)
    ]
    assert answers == [422] * 20 + [429] * 2
    good = await make_voucher(owner)
    assert put_code(client, cart, good).status_code == 200


async def test_the_cart_page_takes_a_code_and_tells_what_is_wrong_with_another(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, code = await make_variant(owner), await make_voucher(owner)
    client.post("/cart/lines", data={"variant_id": variant})
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/cart").text)
    assert token
    form = {"csrf_token": token[1]}
    page = client.post("/cart/codes", data={**form, "code": "WRONGCODE"}, follow_redirects=True)
    assert "is not known" in page.text
    page = client.post("/cart/codes", data={**form, "code": code}, follow_redirects=True)
    assert "A test&#39;s promotion" in page.text
    assert "-€1.00" in page.text
    page = client.post("/cart/codes", data={**form, "remove": code}, follow_redirects=True)
    assert "-€1.00" not in page.text
