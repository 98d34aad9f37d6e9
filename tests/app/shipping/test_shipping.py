"""Table rates: by zone and weight."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest

from app.shipping.service import Table
from tests.app.factories import fill_cart, make_variant


def row(method: str, zone: str, up_to: int, price: int) -> dict[str, Any]:
    return {
        "method": method,
        "title": method,
        "zone": zone,
        "up_to_grams": up_to,
        "price": price,
        "days": "1",
    }


TABLE = Table(
    countries={"DE": ("Germany", "home"), "FR": ("France", "eu")},
    rows={
        "home": [
            row("slow", "home", 1000, 100),
            row("slow", "home", 5000, 200),
            row("fast", "home", 1000, 900),
        ]
    },
)


@pytest.mark.parametrize(
    ("country", "grams", "offers"),
    [
        ("DE", 0, {"slow": 100, "fast": 900}),
        ("DE", 1000, {"slow": 100, "fast": 900}),
        ("DE", 1001, {"slow": 200}),
        ("DE", 5001, {}),
        ("FR", 1, {}),
        ("XX", 1, {}),
    ],
)
def test_the_lightest_fitting_row_of_each_method_is_offered(
    country: str, grams: int, offers: dict[str, int]
) -> None:
    assert {rate.id: rate.price.amount for rate in TABLE.quote(country, grams)} == offers


async def test_the_api_quotes_for_a_cart(client: httpx.Client, owner: asyncpg.Connection) -> None:
    cart = fill_cart(client, (await make_variant(owner, grams=600), 2))
    answer = client.get(
        "/api/v1/shipping-rates", params={"cart_id": cart, "country": "DE", "postcode": "10115"}
    )
    assert {rate["id"]: rate["price"]["amount"] for rate in answer.json()["items"]} == {
        "standard": 590,
        "express": 1690,
    }


@pytest.mark.parametrize("country", ["XX", "de", "Germany", ""])
def test_a_country_that_is_not_served_is_quoted(client: httpx.Client, country: str) -> None:
    params = {"cart_id": fill_cart(client), "country": country}
    answer = client.get("/api/v1/shipping-rates", params=params)
    assert answer.status_code == 422
    assert "country" in answer.text
