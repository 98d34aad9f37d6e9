"""A carrier's rates over HTTP beside the table's: offered while it answers, never in the way."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.core.cache import Cache
from app.core.database import Database
from app.core.settings import Settings
from app.shipping.easypost_carrier import EasyPostCarrier
from app.shipping.live import LiveRates, add_up
from app.shipping.packing import Item
from app.shipping.ports import Goods, Offer, Place
from app.shipping.service import TableRates
from tests.app.shipping.easypost_wire import Wire, easypost_wire

TABLE = {"standard": 390, "express": 990}
SHOP = Place("DE", "80331", "Shop", "Marienplatz 1", "", "Munich", "", "+49 89 1")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with easypost_wire() as wire:
        yield wire


@pytest.fixture
def carried(settings: Settings, wire: Wire) -> Settings:
    held = dataclasses.replace(settings.secrets, carrier_key="EZTK-test", carrier_webhook_key="hook")
    return dataclasses.replace(settings, carrier="easypost", carrier_url=wire.url, secrets=held)


@pytest.fixture
async def rates(carried: Settings, database: Database) -> AsyncIterator[LiveRates]:
    table = TableRates(database)
    table._table = dataclasses.replace(await table.table(), origin=SHOP)
    cache = Cache(carried.cache_dsn)
    yield LiveRates(carried, table, EasyPostCarrier(carried), cache)
    await cache.close()


def mug() -> Goods:
    # An odd weight, so that no other test's answer is in the cache.
    return Goods((Item("mug", (120, 90, 100), secrets.randbelow(500) + 100),), 1000)


async def quote(rates: LiveRates, goods: Goods, postcode: str = "10115") -> dict[str, int]:
    return {rate.id: rate.price.amount for rate in await rates.quote("DE", postcode, goods)}


async def test_the_carriers_services_stand_beside_the_tables(rates: LiveRates, wire: Wire) -> None:
    offered = await quote(rates, Goods((Item("mug", (120, 90, 100), 194),), 1000))
    # 284 g with the box are 10 ounces. What is priced in dollars is left out.
    assert offered == {**TABLE, "DHLPaket:Paket": 510, "UPS:UPSStandard": 1134}


async def test_the_carrier_is_asked_once_for_the_same_parcel_and_place(rates: LiveRates, wire: Wire) -> None:
    goods = mug()
    assert await quote(rates, goods) == await quote(rates, goods)
    assert len(wire.asked) == 1
    await quote(rates, goods, "20095")
    assert len(wire.asked) == 2


async def test_two_parcels_cost_two_labels(rates: LiveRates) -> None:
    offered = await quote(rates, Goods((Item("anvil", (90, 90, 90), 20000, 2),), 1000))
    assert offered["UPS:UPSStandard"] == 2 * 1134


@pytest.mark.parametrize("status", [500, 503, 422, 401])
async def test_a_carrier_that_fails_leaves_the_table(rates: LiveRates, wire: Wire, status: int) -> None:
    wire.status = status
    assert await quote(rates, mug()) == TABLE


async def test_a_hanging_carrier_costs_one_time_out_and_then_nothing(rates: LiveRates, wire: Wire) -> None:
    wire.delay = 4
    began = time.monotonic()
    assert await quote(rates, mug()) == TABLE
    assert time.monotonic() - began < 3
    began = time.monotonic()
    assert await quote(rates, mug()) == TABLE
    assert time.monotonic() - began < 0.5


async def test_a_price_that_was_shown_outlives_the_carrier(
    rates: LiveRates, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    goods = mug()
    shown = await quote(rates, goods)
    wire.status = 500
    monkeypatch.setattr("app.shipping.live.FRESH_SECONDS", 0)
    assert await quote(rates, goods) == shown


async def test_nothing_listens_where_the_carrier_was(
    rates: LiveRates, carried: Settings, database: Database
) -> None:
    dead = dataclasses.replace(carried, carrier_url="http://127.0.0.1:9/v2")
    table = rates._table
    assert await quote(LiveRates(dead, table, EasyPostCarrier(dead), rates._cache), mug()) == TABLE


async def test_without_the_shops_own_address_no_carrier_is_asked(rates: LiveRates, wire: Wire) -> None:
    table = await rates._table.table()
    rates._table._table = dataclasses.replace(table, origin=None)
    assert await quote(rates, mug()) == TABLE
    assert not wire.asked


def test_a_service_that_does_not_take_every_parcel_is_not_offered() -> None:
    both, one = Offer("1", "UPS", "Std", 500, 1), Offer("2", "UPS", "Air", 900, None)
    assert [(rate.id, rate.price.amount) for rate in add_up([[both, one], [both]])] == [("UPS:Std", 1000)]
