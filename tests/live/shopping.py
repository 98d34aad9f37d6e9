"""What a shopper does over the API, as steps that the live tests share."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

ADDRESS = {
    "name": "Ada O'Brien",
    "line1": "12 Rue de l'Église",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
    "phone": "+49 30 123456",
}


@dataclass(frozen=True)
class Item:
    """A variant one can buy, with what its product page says of it."""

    handle: str
    variant_id: int
    price: int


def find_item(client: httpx.Client, *, query: str = "") -> Item:
    """The first available variant the API lists; raises if the shop has nothing to sell."""
    products = client.get("/api/v1/products", params={"limit": 50, "query": query}).raise_for_status().json()
    for entry in products["items"]:
        product = client.get(f"/api/v1/products/{entry['handle']}").raise_for_status().json()
        for variant in product["variants"]:
            if variant["available"]:
                return Item(product["handle"], variant["id"], variant["price"]["amount"])
    raise LookupError("no product of the first 50 has an available variant")


def fill_cart(client: httpx.Client, variant_id: int, quantity: int = 1) -> str:
    """A new cart with one line; returns its id."""
    cart = client.post("/api/v1/carts", json={}).raise_for_status().json()["id"]
    client.post(
        f"/api/v1/carts/{cart}/lines", json={"variant_id": variant_id, "quantity": quantity}
    ).raise_for_status()
    return str(cart)


def choose_shipping(client: httpx.Client, cart: str) -> str:
    rates = client.get(
        "/api/v1/shipping-rates",
        params={"cart_id": cart, "country": ADDRESS["country"], "postcode": ADDRESS["postcode"]},
    ).raise_for_status()
    return str(rates.json()["items"][0]["id"])


def checkout_body(cart: str, shipping: str, token: str = "tok_ok") -> dict[str, Any]:
    return {
        "cart_id": cart,
        "email": "ada@example.com",
        "shipping_address": ADDRESS,
        "shipping_method": shipping,
        "payment": {"token": token},
    }


def check_out(client: httpx.Client, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    return client.post("/api/v1/checkouts", json=body, headers={"Idempotency-Key": key or str(uuid4())})


def buy(client: httpx.Client, item: Item, quantity: int = 1, token: str = "tok_ok") -> httpx.Response:
    """A whole purchase, from an empty cart to the checkout's answer."""
    cart = fill_cart(client, item.variant_id, quantity)
    return check_out(client, checkout_body(cart, choose_shipping(client, cart), token))
