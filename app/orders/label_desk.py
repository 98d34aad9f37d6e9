"""The order desk's labels: what the carrier offers for a packed parcel, buying it, printing it."""

from __future__ import annotations

from typing import TypeAlias

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Form, back, changes, reads, show
from app.checkout.shop import Shop
from app.core.problems import Problem
from app.core.templating import PRIVATE
from app.orders import labels
from app.orders.listing import find_fulfilment_id, find_order_id
from app.shipping.shipments import read_label, read_labels

Answer: TypeAlias = Response[bytes]


@get("/orders/{number:str}/parcels/{parcel:int}/labels", opt=reads(Area.SHIPPING))
async def show_offers(clerk: Clerk, shop: Shop, number: str, parcel: int) -> Answer:
    """The boxes that the parcel needs, and the services that take them, cheapest first."""
    fulfilment = await _find(shop, number, parcel)
    context = {
        "number": number,
        "parcel": parcel,
        "quote": await labels.quote(shop, fulfilment),
        "labels": await read_labels(shop.database, fulfilment),
    }
    return show(clerk, "orders/desk_labels.html", context)


@post("/orders/{number:str}/parcels/{parcel:int}/labels", opt=changes(Area.SHIPPING))
async def buy_labels(clerk: Clerk, shop: Shop, form: Form, number: str, parcel: int) -> Answer:
    """Buy a label for each box of the parcel; however often this is sent, each is bought once."""
    service = form.text("service", most=120)
    form.check()
    fulfilment = await _find(shop, number, parcel)
    boxes = await labels.pack_fulfilment(shop.database, fulfilment)
    async with clerk.change("label.buy", f"order:{number}/{parcel}") as change:
        begun = await labels.intend(change.connection, shop, fulfilment, boxes, service)
        change.after = {"service": service, "labels": len(begun)}
    try:
        await labels.finish(shop, begun)
    except Problem as problem:
        return back(f"/orders/{number}", f"{problem.title}. {problem.detail}")
    return back(f"/orders/{number}", f"Parcel {parcel} has its labels: print them, then send it.")


@get("/orders/{number:str}/parcels/{parcel:int}/labels/{label:int}", opt=reads(Area.SHIPPING))
async def show_label(shop: Shop, number: str, parcel: int, label: int) -> Answer:
    """The label to print, as the carrier made it."""
    file, kind = await read_label(shop.database, await _find(shop, number, parcel), label)
    name = f'inline; filename="{number}-{parcel}-{label}"'
    # What came from elsewhere is shown as what it says it is, and runs nothing.
    headers = {"Cache-Control": PRIVATE, "Content-Disposition": name, "Content-Security-Policy": "sandbox"}
    return Response(file, media_type=kind, headers=headers)


async def _find(shop: Shop, number: str, parcel: int) -> int:
    async with shop.database.connection() as connection:
        return await find_fulfilment_id(connection, await find_order_id(connection, number), parcel)


routes: list[ControllerRouterHandler] = [show_offers, buy_labels, show_label]
