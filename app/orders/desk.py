"""The order desk: find orders, pack and send them, cancel what has not been sent, send mails again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Page, Section, back, changes, reads, show
from app.checkout.shop import Shop
from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.core.templating import PRIVATE
from app.giftcards.sales import list_sold
from app.orders import desk_queries as queries
from app.orders import gift_desk, invoices, label_desk, mails, service, workflow, workflow_queries
from app.orders.invoice_pdf import print_document
from app.orders.listing import find_fulfilment_id
from app.orders.transitions import OrderState, Verb, allowed_verbs
from app.shipping.shipments import ParcelLabel, read_labels

navigation = [Entry("Orders", "/orders", Area.ORDERS, Section.ORDERS)]


@get("/orders", opt=reads(Area.ORDERS))
async def list_orders(
    clerk: Clerk, database: Database, search: str = "", chosen: str = "", page: int = 1
) -> Response[bytes]:
    """Orders, newest first; by the beginning of a number or an address, by state."""
    rows = await database.fetch(queries.LIST, search.strip(), chosen, *Page.window(page))
    context = {
        "rows": Page.cut(rows, page),
        "search": search,
        "chosen": chosen,
        "states": ["to_ship", *OrderState],
    }
    return show(clerk, "orders/desk_orders.html", context)


@get("/orders/{number:str}", opt=reads(Area.ORDERS))
async def show_order(clerk: Clerk, database: Database, shop: Shop, number: str) -> Response[bytes]:
    """The order with its units, parcels, mails, documents and history."""
    order = await _find(database, number)
    parcels = await service.read_fulfilments(database, order["id"])
    context = {
        "order": order,
        "address": msgspec.json.decode(order["shipping_address"]),
        "lines": await database.fetch(workflow_queries.LINES, order["id"]),
        "places": _by_location(await database.fetch(workflow_queries.PLACES, order["id"])),
        "parcels": parcels,
        "labels": await _read_labels(database, order["id"]),
        "sells_labels": shop.carrier is not None,
        "mails": await mails.list_mails(database, order["id"]),
        "documents": await invoices.list_documents(database, order["id"]),
        "gift_cards": await list_sold(database, order["id"]),
        "history": await database.fetch(queries.HISTORY, order["id"]),
        "may_ship": Verb.SHIP in allowed_verbs(OrderState(order["state"])),
        "may_cancel": Verb.CANCEL in allowed_verbs(OrderState(order["state"])),
    }
    return show(clerk, "orders/desk_order.html", context)


@post("/orders/{number:str}/parcels", opt=changes(Area.SHIPPING))
async def fulfil_order(clerk: Clerk, database: Database, form: Form, number: str) -> Response[bytes]:
    """Set units of one location aside: a parcel to pack."""
    order = await _find(database, number)
    location = form.integer("location", least=1, most=32_767)
    units = _read_units(form)
    form.check()
    async with clerk.change("order.fulfil", f"order:{number}") as change:
        made = await workflow.fulfil(
            change.connection, order["id"], location=location, units=units, actor=clerk.email
        )
        change.after = {
            "fulfilment": made,
            "location": location,
            "units": {str(k): v for k, v in units.items()},
        }
    return back(f"/orders/{number}", "The parcel is ready to be packed.")


@get("/orders/{number:str}/parcels/{parcel:int}", opt=reads(Area.ORDERS))
async def show_slip(clerk: Clerk, database: Database, number: str, parcel: int) -> Response[bytes]:
    """The packing slip, to print."""
    order = await _find(database, number)
    found = [one for one in await service.read_fulfilments(database, order["id"]) if one.parcel == parcel]
    if not found:
        raise NotFound(f"Order {number} has no parcel {parcel}.")
    context = {"order": order, "parcel": found[0], "address": msgspec.json.decode(order["shipping_address"])}
    return show(clerk, "orders/desk_slip.html", context)


@post("/orders/{number:str}/parcels/{parcel:int}/ship", opt=changes(Area.SHIPPING))
async def ship_parcel(
    clerk: Clerk, database: Database, form: Form, number: str, parcel: int
) -> Response[bytes]:
    """The parcel has left."""
    tracking = workflow.Tracking(
        form.text("carrier", least=0, most=60),
        form.text("tracking_number", least=0, most=80),
        form.text("tracking_url", least=0),
    )
    if tracking.url and not tracking.url.startswith("https://"):
        form.errors["tracking_url"] = (
            f"{tracking.url!r} does not do: use an address that starts with https://"
        )
    form.check()
    async with clerk.change("parcel.ship", f"order:{number}/{parcel}") as change:
        fulfilment = await _find_parcel(database, change.connection, number, parcel)
        state = await workflow.ship(change.connection, fulfilment, tracking=tracking, actor=clerk.email)
        change.after = {**tracking._asdict(), "state": state}
    return back(f"/orders/{number}", f"Parcel {parcel} is on its way.")


@post("/orders/{number:str}/parcels/{parcel:int}/deliver", opt=changes(Area.SHIPPING))
async def deliver_parcel(clerk: Clerk, database: Database, number: str, parcel: int) -> Response[bytes]:
    """The parcel has arrived."""
    async with clerk.change("parcel.deliver", f"order:{number}/{parcel}") as change:
        fulfilment = await _find_parcel(database, change.connection, number, parcel)
        change.after = {"state": await workflow.deliver(change.connection, fulfilment, actor=clerk.email)}
    return back(f"/orders/{number}", f"Parcel {parcel} has arrived.")


@post("/orders/{number:str}/parcels/{parcel:int}/drop", opt=changes(Area.SHIPPING))
async def drop_parcel(clerk: Clerk, database: Database, number: str, parcel: int) -> Response[bytes]:
    """The parcel is not packed after all."""
    async with clerk.change("parcel.drop", f"order:{number}/{parcel}") as change:
        fulfilment = await _find_parcel(database, change.connection, number, parcel)
        await workflow.drop(change.connection, fulfilment)
        change.after = {"state": "dropped"}
    return back(f"/orders/{number}", f"Parcel {parcel} is undone.")


@post("/orders/{number:str}/cancel", opt=changes(Area.ORDERS))
async def cancel_order(clerk: Clerk, database: Database, form: Form, number: str) -> Response[bytes]:
    """Cancel the units that were named, or with none all that has not been sent."""
    order = await _find(database, number)
    reason = form.text("reason", most=200)
    units = _read_units(form)
    form.check()
    async with clerk.change("order.cancel", f"order:{number}") as change:
        change.before = {"state": order["state"]}
        state = await workflow.cancel(
            change.connection, order["id"], units=units or None, reason=reason, actor=clerk.email
        )
        change.after = {"state": state, "reason": reason, "units": {str(k): v for k, v in units.items()}}
    return back(f"/orders/{number}", "Cancelled; what was paid for it is given back.")


@post("/orders/{number:str}/mails/{mail:int}/again", opt=changes(Area.ORDERS))
async def send_mail_again(clerk: Clerk, database: Database, number: str, mail: int) -> Response[bytes]:
    """Send a mail of the order once more."""
    order = await _find(database, number)
    async with clerk.change("mail.again", f"order:{number}") as change:
        await mails.send_again(change.connection, order["id"], mail)
        change.after = {"mail": mail}
    return back(f"/orders/{number}", "The mail will be sent again.")


@get("/documents/{document:str}", opt=reads(Area.ORDERS))
async def show_document(database: Database, document: str) -> Response[bytes]:
    """The invoice or credit note as PDF."""
    found = await invoices.read_document(database, document)
    name = f'inline; filename="{found.number}.pdf"'
    headers = {"Cache-Control": PRIVATE, "Content-Disposition": name}
    return Response(print_document(found), media_type="application/pdf", headers=headers)


async def _find(database: Database, number: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = None if "\0" in number else await database.fetchrow(queries.ORDER, number)
    if row is None:
        raise NotFound(f"There is no order {number!r}.")
    return row


async def _find_parcel(database: Database, connection: Connection, number: str, parcel: int) -> int:
    order = await _find(database, number)
    return await find_fulfilment_id(connection, order["id"], parcel)


async def _read_labels(database: Database, order_id: int) -> dict[int, list[ParcelLabel]]:
    """By the parcel's number in the order."""
    rows = await database.fetch(queries.PARCELS, order_id)
    return {row["number"]: await read_labels(database, row["id"]) for row in rows}


def _read_units(form: Form) -> dict[int, int]:
    """What the fields `units-<line>` ask for, without those at 0."""
    names = [name for name in form.values if name.startswith("units-") and name[6:].isdecimal()]
    wanted = {int(name[6:]): form.integer(name, least=0, most=999) for name in names}
    return {position: count for position, count in wanted.items() if count}


def _by_location(rows: list[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row["location_id"], []).append(row)
    return found


routes: list[ControllerRouterHandler] = [
    list_orders,
    show_order,
    fulfil_order,
    show_slip,
    ship_parcel,
    deliver_parcel,
    drop_parcel,
    cancel_order,
    send_mail_again,
    show_document,
    *label_desk.routes,
    *gift_desk.routes,
]
