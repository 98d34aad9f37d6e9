"""Labels for the parcels of orders: what a carrier offers for one, buying it, and the news of its arrival.

Carriers are asked without any lock held; `shipping.shipments` sees to it that none is paid twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from app.checkout.shop import Shop
from app.core.database import Connection, Database
from app.core.problems import Problem
from app.orders import label_queries as queries
from app.orders import workflow
from app.shipping import shipments
from app.shipping.live import add_up
from app.shipping.packing import Item, Parcel
from app.shipping.ports import Carrier, CarrierAway, CarrierRefused, Goods, Rate
from app.shipping.service import pack_goods, read_table

log = structlog.get_logger()


@dataclass(frozen=True)
class Quote:
    """The boxes a fulfilment needs, and which services take them all.

    `chosen` is the delivery that the buyer chose; `failure` says why there are no offers.
    """

    parcels: Sequence[Parcel]
    offers: Sequence[Rate]
    chosen: str = ""
    failure: str = ""


async def quote(shop: Shop, fulfilment_id: int) -> Quote:
    """Pack the fulfilment and ask the carrier. Raises Problem when something fits into no box."""
    parcels = await pack_fulfilment(shop.database, fulfilment_id)
    order = await shop.database.fetchrow(queries.ORDER, fulfilment_id)
    origin = (await read_table(shop.database)).origin
    if order is None or not parcels:
        return Quote(parcels, [], failure="Nothing in it needs to be sent.")
    if origin is None:
        return Quote(parcels, [], failure="The shop has no address yet: give it one under Shipping.")
    carrier, to = _need_carrier(shop), shipments.place_of(order["shipping_address"])
    try:
        drafts = await asyncio.gather(*(carrier.draft(origin, to, parcel, "quote") for parcel in parcels))
    except (CarrierAway, CarrierRefused) as error:
        return Quote(parcels, [], failure=str(error))
    offers = add_up([draft.offers for draft in drafts])
    failure = "" if offers else "The carrier offers nothing for this address."
    return Quote(parcels, offers, order["shipping_method"], failure)


async def pack_fulfilment(database: Database, fulfilment_id: int) -> list[Parcel]:
    """The boxes that the fulfilment's units need. Raises Problem."""
    rows = await database.fetch(queries.GOODS, fulfilment_id)
    return pack_goods(Goods(tuple(_item(row) for row in rows)), (await read_table(database)).boxes)


async def intend(
    connection: Connection, shop: Shop, fulfilment_id: int, parcels: Sequence[Parcel], service: str
) -> list[int]:
    """Decide on a service (the id of an offer) for an open fulfilment; returns what `finish` is to buy.

    Raises Problem.
    """
    order, _ = await workflow.lock_fulfilment(connection, fulfilment_id, "open")
    carrier, _, kind = service.partition(":")
    return await shipments.intend_labels(
        connection,
        _need_carrier(shop),
        fulfilment_id=fulfilment_id,
        order_id=order["id"],
        parcels=parcels,
        service=(carrier, kind),
    )


async def finish(shop: Shop, begun: Sequence[int]) -> None:
    """Buy what was intended. Raises Problem: 409 when the carrier refuses, 503 when it is away."""
    for shipment in begun:
        await shipments.finish(shop.database, _need_carrier(shop), shipment)


async def deliver_arrived(database: Database, fulfilment_id: int) -> bool:
    """Enter the arrival of a fulfilment whose parcels the carrier has all delivered; True when it did so.

    One that staff have not sent yet is delivered as soon as they say so; one that has arrived stays so.
    """
    if not await shipments.have_arrived(database, fulfilment_id):
        return False
    try:
        async with database.transaction() as connection:
            await workflow.deliver(connection, fulfilment_id, actor=workflow.CARRIER)
    except Problem as problem:
        if problem.status not in (404, 409):
            raise
        log.info("an arrival changes nothing", fulfilment=fulfilment_id, reason=problem.detail)
        return False
    return True


def _need_carrier(shop: Shop) -> Carrier:
    if shop.carrier is None:
        raise Problem(
            409,
            "carrier-refused",
            "There is no carrier",
            "The setting CARRIER names none: send parcels by hand.",
        )
    return shop.carrier


def _item(row: Mapping[str, Any]) -> Item:
    size = (row["length_mm"], row["width_mm"], row["height_mm"]) if row["length_mm"] else None
    return Item(row["title"], size, row["weight_grams"], row["quantity"])
