"""A parcel's label is bought at the order desk, and what its carrier tells moves the order, once."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.backoffice.roles import Role
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import Problem
from app.core.settings import Settings
from app.orders import labels, workflow
from app.shipping import shipments
from app.shipping.easypost_carrier import EasyPostCarrier
from app.shipping.ports import TrackingEvent
from tests.app.backoffice.people import Person, hire
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.processes import Process
from tests.app.shipping.easypost_wire import LABEL, Wire, easypost_wire
from tests.app.shipping.test_shipments import KEY, report, sign
from tests.ports import free_port

PAKET = "DHLPaket:Paket"


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with easypost_wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def carried(
    environ: dict[str, str], settings: Settings, web: Process, wire: Wire, folder: Path
) -> Iterator[Process]:
    """A web process of the same store that works with a carrier."""
    (folder / "carrier").write_text("EZTK-test")
    (folder / "tracking").write_text(KEY)
    secrets = {
        "CARRIER_KEY_FILE": str(folder / "carrier"),
        "CARRIER_WEBHOOK_KEY_FILE": str(folder / "tracking"),
    }
    own = {"CARRIER": "easypost", "CARRIER_URL": wire.url, **secrets}
    process = Process(["app", "web"], {**environ, **own}, folder / "carried.log", free_port())
    process.start(ready="/health/ready")
    yield process
    process.stop()


@pytest.fixture
def own_worker(environ: dict[str, str], folder: Path) -> Iterator[Process]:
    """A worker for this test alone: others look at jobs that nobody has done yet."""
    process = Process(["app", "worker"], environ, folder / "own-worker.log", free_port())
    process.start(ready="/health/ready")
    yield process
    process.stop()


@pytest.fixture
def carrying(shop: Shop, settings: Settings, wire: Wire) -> Shop:
    held = dataclasses.replace(settings.secrets, carrier_key="EZTK-test", carrier_webhook_key=KEY)
    carrier = EasyPostCarrier(dataclasses.replace(settings, carrier_url=wire.url, secrets=held))
    return dataclasses.replace(shop, carrier=carrier)


@pytest.fixture
async def order(client: httpx.Client, owner: asyncpg.Connection, wire: Wire) -> dict[str, Any]:
    """A confirmed order of two units, of a shop with an address."""
    wire.status, wire.lose_answer = 0, False
    await owner.execute(
        "INSERT INTO shipping_origin (name, line1, city, postcode, country)"
        " VALUES ('Shop', 'Marienplatz 1', 'Munich', '80331', 'DE') ON CONFLICT DO NOTHING"
    )
    answer = check_out(client, fill_cart(client, (await make_variant(owner), 2)))
    made: dict[str, Any] = answer.raise_for_status().json()["order"]
    made["id"] = await owner.fetchval("SELECT id FROM orders WHERE number = $1", made["number"])
    return made


async def pack(database: Database, order: dict[str, Any], units: dict[int, int] | None = None) -> int:
    async with database.transaction() as connection:
        return await workflow.fulfil(connection, order["id"], location=1, units=units, actor="test")


async def label(shop: Shop, fulfilment: int) -> None:
    boxes = await labels.pack_fulfilment(shop.database, fulfilment)
    async with shop.database.transaction() as connection:
        begun = await labels.intend(connection, shop, fulfilment, boxes, PAKET)
    await labels.finish(shop, begun)


async def ship(database: Database, fulfilment: int) -> str:
    async with database.transaction() as connection:
        return await workflow.ship(connection, fulfilment, actor="test")


async def state_of(owner: asyncpg.Connection, order: dict[str, Any]) -> str:
    return str(await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]))


async def number_of(owner: asyncpg.Connection, fulfilment: int) -> str:
    found = "SELECT tracking_number FROM shipments WHERE fulfilment_id = $1 AND state <> 'cancelled'"
    return str(await owner.fetchval(found, fulfilment))


def seen(number: str, status: str) -> list[TrackingEvent]:
    return [TrackingEvent(number, status, datetime(2026, 11, 20, 9, tzinfo=UTC), status, "Berlin, DE")]


async def jobs_of(owner: asyncpg.Connection, fulfilment: int) -> int:
    count = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'orders:deliver_parcel' AND args = $1"
    return int(await owner.fetchval(count, json.dumps({"fulfilment_id": fulfilment})))


async def test_a_label_is_bought_at_the_desk_and_the_parcel_arrives_by_its_carriers_word(  # noqa: PLR0917
    carried: Process, client: httpx.Client, database: Database, owner: asyncpg.Connection,
    order: dict[str, Any], wire: Wire, own_worker: Process,
) -> None:  # fmt: skip
    kim: Person = await hire(database, carried.url, Role.ORDERS, name="Kim")
    path, before = f"/orders/{order['number']}", wire.purchases
    assert kim.send(f"{path}/parcels", **{"location": 1, "units-1": 2}).status_code == 303
    assert "Buy a label" in kim.page(path)
    offers = kim.page(f"{path}/parcels/1/labels")
    assert "Small box" in offers
    assert f'value="{PAKET}"' in offers
    for _ in range(2):
        assert kim.send(f"{path}/parcels/1/labels", service=PAKET).status_code == 303
    assert wire.purchases == before + 1
    number = f"EZ{wire.purchases:010d}"
    page = kim.page(path)
    assert number in page
    (printed,) = [part.partition('"')[0] for part in page.split(f'href="{path}/parcels/1/labels/')[1:]]
    assert kim.browser.get(f"{path}/parcels/1/labels/{printed}").content == LABEL
    assert kim.send(f"{path}/parcels/1/ship").status_code == 303
    shown = client.get(f"/api/v1/orders/{order['number']}?token={order['token']}").json()["fulfilments"][0]
    assert (shown["carrier"], shown["tracking_number"]) == ("DHLPaket", number)
    assert number in client.get(f"{path}?token={order['token']}").text
    detail = {"message": "Delivered", "status": "delivered", "datetime": "2026-11-20T12:00:00Z"}
    body = report(tracking_code=number, tracking_details=[detail])
    for _ in range(3):
        answer = httpx.post(
            f"{carried.url}/api/v1/webhooks/easypost", content=body, headers=sign(body), trust_env=False
        )
        assert answer.status_code == 204
    for _ in range(200):
        if await state_of(owner, order) == "delivered":
            break
        await asyncio.sleep(0.1)
    steps = [row["state"] for row in await owner.fetch(
        "SELECT state FROM order_history WHERE order_id = $1 ORDER BY at", order["id"]
    )]  # fmt: skip
    assert steps[-2:] == ["shipped", "delivered"]
    assert steps.count("delivered") == 1
    assert await reconcile.check(owner) == 0


async def test_repeated_reports_tell_the_order_once_and_crossing_ones_deliver_it_once(
    carrying: Shop, database: Database, owner: asyncpg.Connection, order: dict[str, Any]
) -> None:
    fulfilment = await pack(database, order)
    await label(carrying, fulfilment)
    await ship(database, fulfilment)
    number = await number_of(owner, fulfilment)
    reports = [shipments.record_events(database, "easypost", seen(number, "delivered")) for _ in range(5)]
    assert await asyncio.gather(*reports) == [1] * 5
    assert await jobs_of(owner, fulfilment) == 1
    told = await asyncio.gather(*(labels.deliver_arrived(database, fulfilment) for _ in range(5)))
    assert sorted(told) == [False] * 4 + [True]
    assert await state_of(owner, order) == "delivered"


async def test_an_order_of_two_parcels_has_arrived_when_both_have(
    carrying: Shop, database: Database, owner: asyncpg.Connection, order: dict[str, Any]
) -> None:
    first, second = await pack(database, order, {1: 1}), await pack(database, order, {1: 1})
    for fulfilment in (first, second):
        await label(carrying, fulfilment)
        await ship(database, fulfilment)
    for fulfilment, state in ((second, "shipped"), (first, "delivered")):
        number = await number_of(owner, fulfilment)
        await shipments.record_events(database, "easypost", seen(number, "in_transit"))
        assert not await labels.deliver_arrived(database, fulfilment)
        await shipments.record_events(database, "easypost", seen(number, "delivered"))
        assert await labels.deliver_arrived(database, fulfilment)
        assert await state_of(owner, order) == state
    assert await reconcile.check(owner) == 0


async def test_a_carrier_that_is_quicker_than_the_desk_is_believed_once_the_parcel_is_sent(
    carrying: Shop, database: Database, owner: asyncpg.Connection, order: dict[str, Any]
) -> None:
    fulfilment = await pack(database, order)
    await label(carrying, fulfilment)
    await shipments.record_events(database, "easypost", seen(await number_of(owner, fulfilment), "delivered"))
    assert not await labels.deliver_arrived(database, fulfilment)
    assert await state_of(owner, order) == "confirmed"
    assert await ship(database, fulfilment) == "delivered"
    assert await reconcile.check(owner) == 0


async def test_a_parcel_waits_for_a_label_that_is_begun_and_undoing_it_gives_the_label_up(  # noqa: PLR0917
    carrying: Shop, database: Database, owner: asyncpg.Connection, order: dict[str, Any], wire: Wire,
    client: httpx.Client,
) -> None:  # fmt: skip
    fulfilment = await pack(database, order)
    wire.status = 503
    with pytest.raises(Problem, match="as soon as it does"):
        await label(carrying, fulfilment)
    with pytest.raises(Problem, match="waits for 1 of its 1 labels"):
        await ship(database, fulfilment)
    async with database.transaction() as connection:
        await workflow.drop(connection, fulfilment)
    wire.status = 0
    assert not await shipments.read_labels(database, fulfilment)
    again = await pack(database, order)
    await label(carrying, again)
    async with database.transaction() as connection:
        await workflow.cancel(connection, order["id"], reason="sold out", actor="test")
    assert not await shipments.read_labels(database, again)
    with pytest.raises(Problem, match="is dropped"):
        await label(carrying, again)
    tracking = client.get(f"/api/v1/orders/{order['number']}/tracking?token={order['token']}").json()
    assert tracking["parcels"] == []
    assert await reconcile.check(owner) == 0


async def test_what_is_sent_by_hand_is_tracked_by_hand(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, order: dict[str, Any]
) -> None:
    fulfilment = await pack(database, order)
    way = workflow.Tracking("Bike courier", "B-7", "https://track.example/B-7")
    async with database.transaction() as connection:
        await workflow.ship(connection, fulfilment, tracking=way, actor="test")
    address = f"/api/v1/orders/{order['number']}/tracking?token={order['token']}"
    (parcel,) = client.get(address).json()["parcels"]
    assert (parcel["state"], parcel["tracking_number"]) == ("announced", "B-7")
    async with database.transaction() as connection:
        await workflow.deliver(connection, fulfilment, actor="test")
    (parcel,) = client.get(address).json()["parcels"]
    assert parcel["state"] == "delivered"
    assert await reconcile.check(owner) == 0
