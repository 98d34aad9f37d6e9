"""Makes what tests sell, and the requests of shoppers who buy it."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

import asyncpg
import httpx

ADDRESS = {
    "name": "Ada O'Brien",
    "line1": "12 Rue de l'Église",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
}
# Of a parcel up to 1 kg within the home zone, as the schema's first rates say.
STANDARD = 390


async def make_variant(
    owner: asyncpg.Connection, *, stock: int = 10, price: int = 1000, grams: int = 300, active: bool = True
) -> int:
    """A product with one variant and its stock, booked as received; returns the variant's id."""
    handle = f"thing-{secrets.token_hex(6)}"
    product = await owner.fetchval(
        "INSERT INTO products (handle, title, price_min, price_max) VALUES ($1, $1, $2, $2) RETURNING id",
        handle,
        price,
    )
    variant = await owner.fetchval(
        "INSERT INTO variants (product_id, position, sku, price, weight_grams, active)"
        " VALUES ($1, 1, $2, $3, $4, $5) RETURNING id",
        product,
        handle.upper(),
        price,
        grams,
        active,
    )
    await owner.execute("INSERT INTO stock VALUES ($1, 1, $2, 0)", variant, stock)
    if stock:
        await owner.execute(
            "INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)"
            " VALUES ($1, 1, 'received', $2, 'made for a test')",
            variant,
            stock,
        )
    return int(variant)


async def stock_of(owner: asyncpg.Connection, variant: int) -> tuple[int, int]:
    """Available and reserved units, wherever they are: a worker may have spread a hot item over buckets."""
    row = await owner.fetchrow(
        "SELECT sum(available)::integer AS available, sum(reserved)::integer AS reserved"
        " FROM stock_places WHERE variant_id = $1",
        variant,
    )
    return row["available"], row["reserved"]


def fill_cart(client: httpx.Client, *lines: tuple[int, int]) -> str:
    """A new cart with lines of (variant, quantity); returns its id."""
    cart = str(client.post("/api/v1/carts").raise_for_status().json()["id"])
    for variant, quantity in lines:
        line = {"variant_id": variant, "quantity": quantity}
        client.post(f"/api/v1/carts/{cart}/lines", json=line).raise_for_status()
    return cart


def checkout_body(cart: str, token: str = "tok_ok", **changes: Any) -> dict[str, Any]:
    return {
        "cart_id": cart,
        "email": "ada@example.com",
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "payment": {"token": token},
        **changes,
    }


def check_out(
    client: httpx.Client, cart: str, token: str = "tok_ok", *, key: str | None = None, **changes: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post("/api/v1/checkouts", json=checkout_body(cart, token, **changes), headers=headers)
