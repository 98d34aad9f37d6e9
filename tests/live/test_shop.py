"""Buying over the API, through edge, balancer and web containers: alone, in a rush, and wrongly."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from loadtests.stack import Stack
from tests.live.shopping import buy, check_out, checkout_body, choose_shipping, fill_cart, find_item


def reconcile(stack: Stack) -> None:
    """The store's own ledger checks; any row that does not balance fails the test with that row."""
    stack.run("web", ["python", "-m", "app", "reconcile"])


def test_a_guest_buys_and_sees_the_order(client: httpx.Client) -> None:
    answer = buy(client, find_item(client))
    assert answer.status_code == 201, answer.text
    order = answer.json()["order"]
    seen = client.get(f"/api/v1/orders/{order['number']}", params={"token": order["token"]})
    assert seen.raise_for_status().json()["number"] == order["number"]
    assert client.get(f"/api/v1/orders/{order['number']}").status_code in {401, 403, 404}


def test_the_same_key_makes_one_order_and_another_body_is_refused(client: httpx.Client) -> None:
    cart = fill_cart(client, find_item(client).variant_id)
    body, key = checkout_body(cart, choose_shipping(client, cart)), str(uuid4())
    first, second = check_out(client, body, key), check_out(client, body, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert check_out(client, body | {"email": "someone@example.com"}, key).status_code == 409


def test_a_declined_card_makes_no_order_and_keeps_the_cart(client: httpx.Client) -> None:
    cart = fill_cart(client, find_item(client).variant_id)
    body = checkout_body(cart, choose_shipping(client, cart), token="tok_declined")
    assert check_out(client, body).status_code == 402
    assert client.get(f"/api/v1/carts/{cart}").json()["lines"]


def test_more_than_there_is_cannot_be_ordered(client: httpx.Client) -> None:
    item = find_item(client)
    cart = client.post("/api/v1/carts", json={}).json()["id"]
    added = client.post(
        f"/api/v1/carts/{cart}/lines", json={"variant_id": item.variant_id, "quantity": 99999}
    )
    if added.is_success:
        refused = check_out(client, checkout_body(cart, choose_shipping(client, cart)))
        assert refused.status_code == 409
        assert refused.json()["lines"]
    else:
        assert added.status_code in {409, 422}


def test_two_hundred_buyers_get_exactly_the_last_fifty(stack: Stack, client: httpx.Client) -> None:
    item = find_item(client, query="mug")
    stack.run("web", ["python", "-m", "app", "stock", str(item.variant_id), "50"])

    def rush(number: int) -> int:
        with stack.client(f"198.51.100.{number}") as buyer:
            buyer.timeout = httpx.Timeout(60)
            cart = fill_cart(buyer, item.variant_id)
            return check_out(buyer, checkout_body(cart, choose_shipping(buyer, cart))).status_code

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(rush, range(200)))
    assert outcomes.count(201) == 50, {code: outcomes.count(code) for code in set(outcomes)}
    assert set(outcomes) == {201, 409}
    reconcile(stack)


def test_the_ledgers_balance(stack: Stack) -> None:
    reconcile(stack)
