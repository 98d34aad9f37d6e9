"""Parcels of fulfilments: labels bought once, numbers typed by hand, and what carriers saw.

A label is bought in three steps, each of which may be the last before a crash: the intent is written down;
the carrier drafts a shipment and its id is written down; that draft is bought. `finish` goes on from wherever
it stopped, and a draft is sold once, so no crash and no second click pays for two labels.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import asyncpg
import msgspec
import structlog

from app.checkout.forms import Address
from app.core.database import Connection, Database
from app.core.problems import NotFound, Problem
from app.shipping import shipment_queries as queries
from app.shipping.packing import Box, Parcel
from app.shipping.ports import Carrier, CarrierAway, CarrierRefused, Place, TrackingEvent
from app.shipping.service import read_table

log = structlog.get_logger()

# Longer than buying takes, time-outs included.
UNFINISHED_SECONDS = 60.0


class ParcelState(StrEnum):
    """Where a parcel is; the table's CHECK says the same."""

    BUYING = "buying"
    ANNOUNCED = "announced"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    RETURNED = "returned"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Sighting(msgspec.Struct):
    """Something a carrier saw."""

    status: ParcelState
    at: datetime
    message: str
    place: str


class Tracked(msgspec.Struct, kw_only=True):
    """A parcel as its buyer sees it; `events` latest first."""

    state: ParcelState
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime | None
    delivered_at: datetime | None
    events: list[Sighting]


class Tracking(msgspec.Struct):
    """The parcels of an order; none while nothing was sent."""

    number: str
    parcels: list[Tracked]


_EVENTS = msgspec.json.Decoder(list[Sighting])


class ParcelLabel(msgspec.Struct, kw_only=True):
    """A label of a fulfilment, for staff; `cost` in minor units is what it cost the shop."""

    id: int
    state: ParcelState
    carrier: str
    service: str
    tracking_number: str | None
    tracking_url: str
    box: str
    grams: int
    cost: int | None
    printable: bool


async def intend_labels(
    connection: Connection,
    carrier: Carrier,
    *,
    fulfilment_id: int,
    order_id: int,
    parcels: Sequence[Parcel],
    service: tuple[str, str],
) -> list[int]:
    """Write down that each parcel of a fulfilment shall have a label; `service`: the carrier and its service.

    Returns what is to be bought: nothing for a parcel that has its label, or has one on the way. Call
    `finish` with each after the commit; the worker does it for those that nobody finishes.
    """
    made = []
    for number, parcel in enumerate(parcels, 1):
        row = (fulfilment_id, order_id, number, carrier.name, *service, parcel.box.code, parcel.grams)
        made.append(await connection.fetchval(queries.INTEND, *row))
    return [shipment for shipment in made if shipment is not None]


async def finish(database: Database, carrier: Carrier, shipment_id: int) -> None:
    """Bring a begun purchase to its end; nothing happens to one that has ended.

    Raises Problem: 409 when the carrier refuses, 503 when it is away; the worker tries again then.
    """
    row = await database.fetchrow(queries.TO_BUY, shipment_id)
    if row is None or row["state"] != ParcelState.BUYING or row["source"] != carrier.name:
        return
    try:
        draft = row["draft_id"] or await _name_draft(database, carrier, row)
        if draft is None:
            return
        label = await carrier.buy(draft, row["carrier"], row["service"])
    except CarrierAway as error:
        log.warning("the carrier is away; the label waits", shipment=shipment_id, error=str(error))
        raise Problem(
            503,
            "carrier-away",
            "The carrier does not answer",
            "The label is bought as soon as it does.",
            retry_after=60,
        ) from error
    except CarrierRefused as error:
        await database.execute(queries.GIVE_UP, shipment_id)
        raise Problem(409, "carrier-refused", "The carrier refused", str(error)) from error
    await database.execute(
        queries.BOUGHT,
        shipment_id,
        label.carrier,
        label.service,
        label.tracking_number,
        label.tracking_url,
        label.price,
        label.file,
        label.media_type,
    )


async def finish_all(database: Database, carrier: Carrier) -> int:
    """Finish the purchases that a crash or an outage left behind; returns how many there were."""
    rows = await database.fetch(queries.UNFINISHED, UNFINISHED_SECONDS)
    for row in rows:
        try:
            await finish(database, carrier, row["id"])
        except Problem as problem:
            log.warning("a label cannot be bought", shipment=row["id"], reason=problem.detail)
            if problem.status == 503:
                break
    return len(rows)


async def _name_draft(database: Database, carrier: Carrier, row: asyncpg.Record) -> str | None:
    origin = (await read_table(database)).origin
    if origin is None:
        raise CarrierRefused("The shop has no address yet: give it one under Shipping, Address.")
    if row["code"] is None:
        raise CarrierRefused("The box of this parcel is gone: pack it anew.")
    size = (row["length_mm"], row["width_mm"], row["height_mm"])
    box = Box(row["code"], row["title"], size, row["tare_grams"], row["limit_grams"], row["freight"])
    place = place_of(row["shipping_address"])
    draft = await carrier.draft(origin, place, Parcel(box, row["grams"]), f"{row['number']}-{row['id']}")
    async with database.connection() as connection:
        named: str | None = await connection.fetchval(queries.NAME_DRAFT, row["id"], draft.id)
        return named


def place_of(shipping_address: str) -> Place:
    """An order's address, of its JSON, as carriers want it."""
    to = msgspec.json.decode(shipping_address, type=Address)
    return Place(to.country, to.postcode, to.name, to.line1, to.line2, to.city)


async def read_labels(database: Database | Connection, fulfilment_id: int) -> list[ParcelLabel]:
    """The labels of a fulfilment, those that are being bought too; none that was cancelled."""
    rows = await database.fetch(queries.OF_FULFILMENT, fulfilment_id)
    return msgspec.convert([dict(row) for row in rows], list[ParcelLabel])


async def cancel_labels(connection: Connection, fulfilments: Sequence[int]) -> None:
    """Nothing is sent with these labels; what the carrier took for them is its to give back."""
    await connection.execute(queries.CANCEL, fulfilments)


async def ship_by_hand(
    connection: Connection,
    *,
    fulfilment_id: int,
    order_id: int,
    carrier: str,
    tracking_number: str,
    tracking_url: str = "",
) -> int:
    """Write down a parcel that staff handed to a carrier themselves; returns its id."""
    shipment: int = await connection.fetchval(
        queries.BY_HAND, fulfilment_id, order_id, carrier, tracking_number, tracking_url
    )
    return shipment


async def mark_delivered(connection: Connection, shipment_id: int, message: str = "") -> None:
    """Staff know that a parcel arrived. Call it in a transaction. Raises NotFound."""
    if await connection.fetchval(queries.LOCK, shipment_id) is None:
        raise NotFound(f"There is no parcel {shipment_id} on its way.")
    now = datetime.now(UTC)
    await connection.execute(queries.ADD_EVENTS, [shipment_id], ["delivered"], [now], [message], [""])
    await connection.execute(queries.SETTLE, [shipment_id])


async def mark_arrived(connection: Connection, fulfilment_id: int) -> None:
    """Staff know that a fulfilment arrived: so have its parcels. Call it in a transaction."""
    for row in await connection.fetch(queries.LOCK_OPEN, fulfilment_id):
        await mark_delivered(connection, row["id"])


async def have_arrived(database: Database | Connection, fulfilment_id: int) -> bool:
    """Whether the fulfilment has parcels and the carrier delivered each."""
    return bool(await database.fetchval(queries.ARRIVED, fulfilment_id))


async def record_events(database: Database, source: str, events: Sequence[TrackingEvent]) -> int:
    """Write down what a carrier saw, each thing once, in whichever order; returns how many were of ours.

    A parcel that arrived by it has its order told, by a job that commits with it.
    """
    numbers = sorted({event.tracking_number for event in events})
    async with database.transaction() as connection:
        rows = await connection.fetch(queries.LOCK_NUMBERS, numbers, source)
        ours = {row["tracking_number"]: row["id"] for row in rows}
        seen = [event for event in events if event.tracking_number in ours]
        if seen:
            await connection.execute(
                queries.ADD_EVENTS,
                [ours[event.tracking_number] for event in seen],
                [event.status for event in seen],
                [event.at for event in seen],
                [event.message for event in seen],
                [event.place for event in seen],
            )
            await connection.execute(queries.SETTLE, sorted(ours.values()))
            under_way = [row["id"] for row in rows if row["state"] != ParcelState.DELIVERED]
            await connection.execute(queries.DEFER_DELIVERY, under_way)
    return len(seen)


async def read_label(database: Database, fulfilment_id: int, shipment_id: int) -> tuple[bytes, str]:
    """A label of the fulfilment and its media type. Raises NotFound."""
    row = await database.fetchrow(queries.LABEL, shipment_id, fulfilment_id)
    if row is None:
        raise NotFound(f"Parcel {shipment_id} has no label.")
    return row["label"], row["label_type"]


async def read_tracking(database: Database, number: str, token: str) -> Tracking:
    """The parcels of an order, for whoever holds its token. Raises NotFound, as for the order itself."""
    order = None if "\0" in number else await database.fetchrow(queries.ORDER, number)
    if order is None or not hmac.compare_digest(order["token"].encode(), token.encode()):
        raise NotFound("There is no such order, or its token is wrong.")
    return Tracking(order["number"], await read_parcels(database, order["id"]))


async def read_parcels(database: Database, order_id: int) -> list[Tracked]:
    """The parcels of an order that are on their way or beyond."""
    return [
        Tracked(
            state=ParcelState(row["state"]),
            carrier=row["carrier"],
            service=row["service"],
            tracking_number=row["tracking_number"],
            tracking_url=row["tracking_url"],
            shipped_at=row["bought_at"],
            delivered_at=row["delivered_at"],
            events=_EVENTS.decode(row["events"]),
        )
        for row in await database.fetch(queries.OF_ORDER, order_id)
    ]
