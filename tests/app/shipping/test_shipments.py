"""Parcels: a label is bought once whatever dies, and tracking is right in whatever order it comes."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import itertools
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from app.core.database import Database
from app.core.problems import NotFound, Problem
from app.core.settings import Settings
from app.shipping import shipments
from app.shipping.easypost_carrier import EasyPostCarrier
from app.shipping.packing import Box, Parcel
from app.shipping.ports import BadTrackingWebhook, TrackingEvent
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.shipping.easypost_wire import LABEL, Wire, easypost_wire

KEY = "hook"
BOX = Box("s", "Small box", (250, 175, 100), 90, 5000)
fulfilments = itertools.count(random.randrange(10**6, 10**12))


@pytest.fixture
def wire() -> Iterator[Wire]:
    with easypost_wire() as wire:
        yield wire


@pytest.fixture
def carrier(settings: Settings, wire: Wire) -> EasyPostCarrier:
    held = dataclasses.replace(settings.secrets, carrier_key="EZTK-test", carrier_webhook_key=KEY)
    return EasyPostCarrier(dataclasses.replace(settings, carrier_url=wire.url, secrets=held))


@pytest.fixture
async def order(client: httpx.Client, owner: asyncpg.Connection) -> dict[str, Any]:
    """A confirmed order, of a shop with an address."""
    await owner.execute(
        "INSERT INTO shipping_origin (name, line1, city, postcode, country)"
        " VALUES ('Shop', 'Marienplatz 1', 'Munich', '80331', 'DE') ON CONFLICT DO NOTHING"
    )
    answer = check_out(client, fill_cart(client, (await make_variant(owner), 1)))
    made: dict[str, Any] = answer.raise_for_status().json()["order"]
    made["id"] = await owner.fetchval("SELECT id FROM orders WHERE number = $1", made["number"])
    return made


async def buy(
    database: Database,
    carrier: EasyPostCarrier,
    order: dict[str, Any],
    fulfilment: int,
    *,
    service: str = "Paket",
    grams: tuple[int, ...] = (400, 900),
) -> None:
    async with database.transaction() as connection:
        begun = await shipments.intend_labels(
            connection,
            carrier,
            fulfilment_id=fulfilment,
            order_id=order["id"],
            parcels=[Parcel(BOX, each) for each in grams],
            service=("DHLPaket", service),
        )
    for shipment in begun:
        await shipments.finish(database, carrier, shipment)


async def rows(owner: asyncpg.Connection, fulfilment: int) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await owner.fetch(
        "SELECT * FROM shipments WHERE fulfilment_id = $1 ORDER BY parcel", fulfilment
    )
    return found


async def test_each_parcel_gets_one_label_and_a_second_click_none(
    database: Database, carrier: EasyPostCarrier, wire: Wire, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    fulfilment = next(fulfilments)
    await buy(database, carrier, order, fulfilment)
    await buy(database, carrier, order, fulfilment)
    first, second = await rows(owner, fulfilment)
    assert wire.purchases == 2
    assert {first["tracking_number"], second["tracking_number"]} == {"EZ0000000001", "EZ0000000002"}
    assert (first["state"], first["cost"], first["carrier"]) == ("announced", 514, "DHLPaket")
    assert await shipments.read_label(database, fulfilment, first["id"]) == (LABEL, "application/pdf")


async def test_an_answer_that_was_lost_buys_no_second_label(
    database: Database, carrier: EasyPostCarrier, wire: Wire, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    fulfilment = next(fulfilments)
    wire.lose_answer = True
    with pytest.raises(Problem) as caught:
        await buy(database, carrier, order, fulfilment)
    assert caught.value.status == 503
    begun, waiting = await rows(owner, fulfilment)
    assert (begun["state"], waiting["state"], wire.purchases) == ("buying", "buying", 1)
    for row in (begun, waiting):
        await shipments.finish(database, carrier, row["id"])
    assert wire.purchases == 2
    assert [row["state"] for row in await rows(owner, fulfilment)] == ["announced", "announced"]


async def test_a_crowd_that_finishes_the_same_parcel_buys_one_label(
    database: Database, carrier: EasyPostCarrier, wire: Wire, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    fulfilment = next(fulfilments)
    wire.status = 503
    with pytest.raises(Problem):
        await buy(database, carrier, order, fulfilment)
    wire.status = 0
    first = (await rows(owner, fulfilment))[0]["id"]
    await asyncio.gather(*(shipments.finish(database, carrier, first) for _ in range(6)))
    assert wire.purchases == 1
    assert (await rows(owner, fulfilment))[0]["state"] == "announced"


async def test_the_worker_finishes_what_an_outage_left(
    database: Database, carrier: EasyPostCarrier, wire: Wire, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    fulfilment = next(fulfilments)
    wire.status = 500
    with pytest.raises(Problem):
        await buy(database, carrier, order, fulfilment)
    wire.status = 0
    await owner.execute(
        "UPDATE shipments SET created_at = now() - interval '5 minutes' WHERE state = 'buying'"
    )
    while await shipments.finish_all(database, carrier):
        pass
    assert [row["state"] for row in await rows(owner, fulfilment)] == ["announced", "announced"]


async def test_a_service_that_is_not_offered_is_refused_and_leaves_nothing(
    database: Database, carrier: EasyPostCarrier, wire: Wire, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    fulfilment = next(fulfilments)
    with pytest.raises(Problem, match="there is DHLPaket Paket") as caught:
        await buy(database, carrier, order, fulfilment, service="Rocket", grams=(400,))
    assert caught.value.status == 409
    assert not await rows(owner, fulfilment)
    assert wire.purchases == 0


def seen(number: str, status: str, hour: int) -> TrackingEvent:
    return TrackingEvent(number, status, datetime(2026, 11, 20, hour, tzinfo=UTC), status, "Berlin, DE")


async def test_reports_in_any_order_and_number_end_alike(
    database: Database, carrier: EasyPostCarrier, order: dict[str, Any], owner: asyncpg.Connection
) -> None:
    story = ["announced", "in_transit", "out_for_delivery", "delivered"]
    for attempt, told in enumerate(itertools.permutations(range(4))):
        number = f"N{order['id']}-{attempt}"
        async with database.transaction() as connection:
            shipment = await shipments.ship_by_hand(
                connection,
                fulfilment_id=next(fulfilments),
                order_id=order["id"],
                carrier="DHL",
                tracking_number=number,
            )
        for step in (*told, *told):
            events = [seen(number, story[step], 8 + step)]
            assert await shipments.record_events(database, "", events) == 1
        row = await owner.fetchrow("SELECT * FROM shipments WHERE id = $1", shipment)
        assert (row["state"], row["delivered_at"].hour) == ("delivered", 11)
        count = await owner.fetchval("SELECT count(*) FROM tracking_events WHERE shipment_id = $1", shipment)
        assert count == 4
    assert await shipments.record_events(database, "", [seen("nobody's", "delivered", 9)]) == 0


async def test_staff_send_by_hand_and_say_when_it_arrived(
    database: Database, order: dict[str, Any], client: httpx.Client
) -> None:
    async with database.transaction() as connection:
        shipment = await shipments.ship_by_hand(
            connection,
            fulfilment_id=next(fulfilments),
            order_id=order["id"],
            carrier="Bike courier",
            tracking_number="B-7",
        )
    async with database.transaction() as connection:
        await shipments.mark_delivered(connection, shipment, "handed to the neighbour")
    address = f"/orders/{order['number']}/tracking"
    answer = client.get(f"/api/v1{address}", headers={"Authorization": f"Bearer {order['token']}"}).json()
    (parcel,) = answer["parcels"]
    assert (parcel["state"], parcel["carrier"], parcel["tracking_number"]) == (
        "delivered",
        "Bike courier",
        "B-7",
    )
    assert parcel["events"][0]["message"] == "handed to the neighbour"
    page = client.get(address, params={"token": order["token"]})
    assert "handed to the neighbour" in page.text
    assert "no-referrer" in page.headers["Referrer-Policy"]
    assert f"{address}?token=" in client.get(f"/orders/{order['number']}?token={order['token']}").text
    for where in (address, f"/api/v1{address}"):
        assert client.get(where, params={"token": "wrong"}).status_code == 404


async def test_a_parcel_that_is_not_there_cannot_arrive(database: Database) -> None:
    with pytest.raises(NotFound):
        async with database.transaction() as connection:
            await shipments.mark_delivered(connection, 2**62)


def report(**changes: Any) -> bytes:
    """A tracker.updated event, as EasyPost sends it."""
    tracker = {
        "id": "trk_e5b5fd8b0b1d4a1a9a54d2a8f6b3a2c1",
        "object": "Tracker",
        "mode": "test",
        "tracking_code": "EZ1000000001",
        "status": "in_transit",
        "carrier": "DHLPaket",
        "tracking_details": [
            {
                "object": "TrackingDetail",
                "message": "Picked up",
                "status": "in_transit",
                "datetime": "2026-11-20T09:12:00Z",
                "tracking_location": {"object": "TrackingLocation", "city": "BERLIN", "country": "DE"},
            },
            {
                "object": "TrackingDetail",
                "message": "?",
                "status": "unknown",
                "datetime": "2026-11-20T08:00:00Z",
            },
        ],
        **changes,
    }
    return json.dumps({"object": "Event", "description": "tracker.updated", "result": tracker}).encode()


def sign(body: bytes, key: str = KEY) -> dict[str, str]:
    digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hmac-signature": f"hmac-sha256-hex={digest}"}


def test_a_signed_report_is_read_and_what_says_nothing_left_out(carrier: EasyPostCarrier) -> None:
    (event,) = carrier.read_webhook(sign(report()), report())
    assert (event.tracking_number, event.status, event.place) == ("EZ1000000001", "in_transit", "BERLIN, DE")
    assert event.at == datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
    batch = report(object="Batch")
    assert carrier.read_webhook(sign(batch), batch) == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, report()),
        (sign(report(), "another key"), report()),
        (sign(report()), report() + b" "),
        (sign(b"nonsense"), b"nonsense"),
        (sign(b"[]"), b"[]"),
        (sign(b'{"result": null}'), b'{"result": null}'),
        (sign(report(tracking_details=7)), report(tracking_details=7)),
    ],
)
def test_a_report_that_is_forged_or_garbled_is_refused(
    carrier: EasyPostCarrier, headers: dict[str, str], body: bytes
) -> None:
    with pytest.raises(BadTrackingWebhook):
        carrier.read_webhook(headers, body)


def test_a_shop_without_a_carrier_takes_no_reports(client: httpx.Client) -> None:
    assert client.post("/api/v1/webhooks/easypost", content=report()).status_code == 404
