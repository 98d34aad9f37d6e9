"""Staff set what delivery costs, what it is packed in and where it comes from; the shop quotes by it."""

from __future__ import annotations

import secrets

import asyncpg

from app.backoffice.roles import Role
from app.core.database import Database
from app.core.money import Money
from app.shipping.packing import Item
from app.shipping.ports import Goods
from app.shipping.service import TableRates
from tests.app.backoffice.people import hire
from tests.app.processes import Process


def goods(grams: int, value: int = 1000) -> Goods:
    return Goods((Item("Mug", (100, 100, 100), grams, 1),), value)


async def quoted(database: Database, country: str, *, grams: int, value: int = 1000) -> dict[str, Money]:
    offers = await TableRates(database).quote(country, "1", goods(grams, value))
    return {offer.id: offer.price for offer in offers}


async def test_a_method_and_its_rates_are_offered_once_they_are_saved_and_no_more_once_gone(
    database: Database, web: Process
) -> None:
    ada = await hire(database, web.url)
    code = f"bike-{secrets.token_hex(3)}"
    method = {"method": code, "method_title": "By bicycle", "position": "9", "free_from": "50"}
    assert ada.send("/shipping/methods", **method).status_code == 303
    rate = {
        "rate_method": code,
        "rate_zone": "home",
        "up_to_grams": "2000",
        "rate_price": "4.20",
        "days": "1",
    }
    assert ada.send("/shipping/rates", **rate).status_code == 303
    assert (await quoted(database, "DE", grams=900))[code] == Money(420)
    assert (await quoted(database, "DE", grams=900, value=5000))[code] == Money(0)
    assert code not in await quoted(database, "DE", grams=2500)
    assert code not in await quoted(database, "AT", grams=900)
    assert "By bicycle" in ada.page("/shipping")
    assert ada.send(f"/shipping/rates/{code}/home/2000/delete").status_code == 303
    assert code not in await quoted(database, "DE", grams=900)
    assert ada.send(f"/shipping/rates/{code}/home/2000/delete").status_code == 404


async def test_a_rate_of_an_unknown_zone_is_refused_with_those_there_are(
    database: Database, web: Process
) -> None:
    ada = await hire(database, web.url)
    rate = {
        "rate_method": "standard",
        "rate_zone": "moon",
        "up_to_grams": "1",
        "rate_price": "1",
        "days": "9",
    }
    refused = ada.send("/shipping/rates", **rate)
    assert refused.status_code == 422
    assert "&#39;moon&#39; is not there: choose one of" in refused.text


async def test_a_box_out_of_use_is_not_packed_into(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    code = f"tube-{secrets.token_hex(3)}"
    box = {
        "box": code,
        "box_title": "Tube",
        "length_mm": "1500",
        "width_mm": "100",
        "height_mm": "100",
        "tare_grams": "300",
        "limit_grams": "2000",
    }
    too_light = ada.send("/shipping/boxes", **{**box, "limit_grams": "300"})
    assert too_light.status_code == 422
    assert "the box alone weighs 300 g" in too_light.text
    assert ada.send("/shipping/boxes", **box, active="on").status_code == 303
    assert code in {each.code for each in (await TableRates(database).table()).boxes}
    assert ada.send("/shipping/boxes", **box).status_code == 303
    assert code not in {each.code for each in (await TableRates(database).table()).boxes}


async def test_a_country_is_delivered_to_and_then_no_more(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    country = {"country": "is", "country_name": "Iceland", "country_zone": "world"}
    try:
        assert ada.send("/shipping/countries", **country).status_code == 303
        assert "none: no rate" in ada.page("/shipping")
        assert "standard" in await quoted(database, "IS", grams=500)
        assert ada.send("/shipping/countries/IS/delete").status_code == 303
        assert await quoted(database, "IS", grams=500) == {}
    finally:
        await owner.execute("DELETE FROM shipping_countries WHERE country = 'IS'")


async def test_parcels_come_from_the_address_that_was_saved(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    address = {"name": "Shop", "line1": "Main Street 1", "postcode": "10115", "city": "Berlin"}
    try:
        assert ada.send("/shipping/origin", **address, origin_country="Germany").status_code == 422
        assert ada.send("/shipping/origin", **address, origin_country="de").status_code == 303
        origin = (await TableRates(database).table()).origin
        assert origin is not None
        assert (origin.city, origin.country) == ("Berlin", "DE")
        assert "10115 Berlin" in ada.page("/shipping")
    finally:
        await owner.execute("DELETE FROM shipping_origin")


async def test_who_may_not_change_settings_changes_no_delivery(database: Database, web: Process) -> None:
    paul = await hire(database, web.url, Role.SUPPORT)
    assert paul.send("/shipping/countries/DE/delete").status_code == 403
