"""Table rates: by zone and weight."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest

from app.shipping.packing import Box, Item, pack
from app.shipping.service import Table
from tests.app.factories import check_out, fill_cart, make_variant


def row(method: str, zone: str, up_to: int, price: int) -> dict[str, Any]:
    return {
        "method": method,
        "title": method,
        "zone": zone,
        "up_to_grams": up_to,
        "price": price,
        "free_from": 5000 if method == "slow" else None,
        "days": "1",
    }


CRATE = Box("crate", "Crate", (500, 500, 500), 0, 5000)
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
        ("FR", 1, {}),
        ("XX", 1, {}),
    ],
)
def test_the_lightest_fitting_row_of_each_method_is_offered(
    country: str, grams: int, offers: dict[str, int]
) -> None:
    assert {
        rate.id: rate.price.amount
        for rate in TABLE.quote(country, pack([Item("thing", None, grams)], [CRATE]))
    } == offers


def quote(value: int, *items: Item) -> dict[str, int]:
    return {rate.id: rate.price.amount for rate in TABLE.quote("DE", pack(items, [CRATE]), value)}


def test_each_parcel_is_priced_and_a_method_must_take_them_all() -> None:
    assert quote(0, Item("stone", None, 4000, 2)) == {"slow": 400}
    assert quote(0, Item("stone", None, 4000), Item("feather", None, 900)) == {"slow": 200}


def test_a_method_is_free_from_its_threshold_on() -> None:
    assert quote(4999, Item("mug", None, 300)) == {"slow": 100, "fast": 900}
    assert quote(5000, Item("mug", None, 300)) == {"slow": 0, "fast": 900}


def test_what_needs_no_delivery_costs_none() -> None:
    assert quote(2000) == {"slow": 0, "fast": 0}


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


async def test_what_fits_no_box_is_refused_by_name_before_anything_is_ordered(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner)
    await owner.execute(
        "UPDATE variants SET length_mm = 4000, width_mm = 900, height_mm = 900 WHERE id = $1", variant
    )
    cart = fill_cart(client, (variant, 1))
    for answer in (
        client.get("/api/v1/shipping-rates", params={"cart_id": cart, "country": "DE"}),
        check_out(client, cart),
    ):
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("oversized")
        assert "4000 × 900 × 900 mm" in answer.json()["detail"]
