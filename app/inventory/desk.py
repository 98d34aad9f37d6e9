"""Back-office screens of stock: what there is, a variant's ledger and bookings, what to buy, locations."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Page, Section, back, changes, reads, show
from app.core.database import Database
from app.core.problems import Invalid, NotFound, Problem
from app.inventory import report_queries as queries
from app.inventory import reports, service
from app.inventory.reports import LEAD_DAYS, LOW_AT, WINDOW_DAYS

MOST_UNITS = 1_000_000


class Report(StrEnum):
    """The purchase reports."""

    LOW = "low"
    REORDER = "reorder"
    OVERSTOCK = "overstock"


REPORTS = {
    Report.LOW: (reports.list_low, "Low stock", "Available at or below the variant's threshold."),
    Report.REORDER: (
        reports.list_reorder,
        "To reorder",
        "Will not last until a delivery ordered today comes.",
    ),
    Report.OVERSTOCK: (
        reports.list_overstock,
        "Overstock",
        f"Lasts for more than {reports.OVERSTOCK_DAYS} days at the present sales.",
    ),
}


class Booking(StrEnum):
    """What a clerk can book."""

    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"


@get("/stock", opt=reads(Area.STOCK))
async def list_stock(
    clerk: Clerk, database: Database, words: str = "", empty: bool = False, page: int = 1
) -> Response[bytes]:
    rows = await database.fetch(queries.STOCK, words.strip()[:100], empty, *Page.window(page))
    filters = {"words": words, **({"empty": "true"} if empty else {})}
    context = {"rows": Page.cut(rows, page), "filters": filters, "words": words, "empty": empty}
    return show(clerk, "inventory/desk_stock.html", context)


@get("/stock/{variant:int}", opt=reads(Area.STOCK))
async def show_variant(
    clerk: Clerk, database: Database, variant: int, before: int | None = None
) -> Response[bytes]:
    return await _variant(clerk, database, variant, before=before)


@post("/stock/{variant:int}/{booking:str}", opt=changes(Area.STOCK))
async def book(clerk: Clerk, database: Database, form: Form, variant: int, booking: str) -> Response[bytes]:
    """Receive, correct or move units of a variant."""
    if booking not in list(Booking):
        raise NotFound(f"Nothing is booked as {booking!r}.")
    try:
        await _book(clerk, form, variant, Booking(booking))
    except Invalid:
        return await _variant(clerk, database, variant, form=form, booking=booking, status=422)
    except Problem as problem:
        if problem.type != "too-few-units":
            raise
        form.refuse("units", problem.detail)
        return await _variant(clerk, database, variant, form=form, booking=booking, status=409)
    return back(f"/stock/{variant}", f"The {booking} is booked.")


@post("/stock/{variant:int}/rule", opt=changes(Area.STOCK))
async def set_rule(clerk: Clerk, database: Database, form: Form, variant: int) -> Response[bytes]:
    """Give a variant a threshold and a lead time of its own."""
    low_at, lead_days = form.integer("low_at", most=MOST_UNITS), form.integer("lead_days", least=1, most=365)
    safety = form.integer("safety", most=MOST_UNITS) if form.values.get("safety", "").strip() else None
    if form.errors:
        return await _variant(clerk, database, variant, form=form, booking="rule", status=422)
    async with clerk.change("stock.rule", f"variant:{variant}") as change:
        await reports.set_rule(change.connection, variant, low_at=low_at, lead_days=lead_days, safety=safety)
        change.after = {"low_at": low_at, "lead_days": lead_days, "safety": safety}
    return back(f"/stock/{variant}", "The figures for buying are kept.")


@get("/stock-reports/{name:str}", opt=reads(Area.STOCK))
async def show_report(
    clerk: Clerk, database: Database, name: str, days: int = WINDOW_DAYS, page: int = 1
) -> Response[bytes]:
    if name not in list(Report):
        raise NotFound(f"There is no report {name!r}.")
    read, title, meaning = REPORTS[Report(name)]
    limit, offset = Page.window(page)
    rows = await read(database, days=days, limit=limit, offset=offset)
    titles = {report: REPORTS[report][1] for report in Report}
    context = {"rows": Page.cut(rows, page), "name": name, "title": title, "meaning": meaning}
    return show(clerk, "inventory/desk_report.html", {**context, "titles": titles, "days": days})


@get("/locations", opt=reads(Area.STOCK))
async def list_locations(clerk: Clerk, database: Database) -> Response[bytes]:
    return await _locations(clerk, database, Form({"priority": 100}))


@post("/locations", opt=changes(Area.STOCK))
async def save_location(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Make a location, or change the one of this code."""
    code, name = form.text("code", most=40), form.text("name", most=120)
    priority = form.integer("priority", most=9999)
    try:
        form.check()
        async with clerk.change("location.save", f"location:{code}") as change:
            await service.save_location(change.connection, code, name, priority)
            change.after = {"name": name, "priority": priority}
    except Invalid as invalid:
        form.errors.update(invalid.extra.get("errors", {}))
        return await _locations(clerk, database, form, status=422)
    return back("/locations", f"{name} is kept.")


async def _book(clerk: Clerk, form: Form, variant: int, booking: Booking) -> None:
    least = -MOST_UNITS if booking is Booking.ADJUSTMENT else 1
    units, reason = form.integer("units", least=least, most=MOST_UNITS), form.text("reason", most=200)
    location = form.integer("location", least=1, most=32767)
    target = form.integer("target", least=1, most=32767) if booking is Booking.TRANSFER else 0
    if units == 0:
        form.refuse("units", "0 units change nothing: give a number of units.")
    if location == target:
        form.refuse("target", "Both ends are the same location: choose another.")
    form.check()
    async with clerk.change(f"stock.{booking}", f"variant:{variant}") as change:
        known = {place.id for place in await service.list_locations(change.connection)}
        if not {location, target} - {0} <= known:
            raise NotFound("There is no such location.")
        units_of, connection = [(variant, units)], change.connection
        if booking is Booking.RECEIPT:
            await service.receive(connection, units_of, reason=reason, location=location, actor=clerk.email)
        elif booking is Booking.ADJUSTMENT:
            await service.adjust(connection, units_of, reason=reason, location=location, actor=clerk.email)
        else:
            await service.transfer(
                connection, units_of, source=location, target=target, reason=reason, actor=clerk.email
            )
        change.after = {"units": units, "reason": reason, "location": location}


async def _variant(
    clerk: Clerk,
    database: Database,
    variant: int,
    *,
    before: int | None = None,
    form: Form | None = None,
    booking: str = "",
    status: int = 200,
) -> Response[bytes]:
    row = await database.fetchrow(queries.VARIANT, variant)
    if row is None:
        raise NotFound(f"There is no variant {variant}.")
    rule = await database.fetchrow(queries.RULE, variant)
    async with database.connection() as connection:
        locations = await service.list_locations(connection)
    forms: dict[str, Any] = {name: Form() for name in Booking}
    forms["rule"] = Form(dict(rule) if rule else {"low_at": LOW_AT, "lead_days": LEAD_DAYS})
    if form is not None:
        forms[booking] = form
    movements = await service.list_movements(database, variant, before=before, limit=51)
    context = {
        "variant": row,
        "places": await database.fetch(queries.PLACES, variant),
        "locations": [(place.id, place.name) for place in locations],
        "forms": forms,
        "movements": movements[:50],
        "older": movements[49].id if len(movements) > 50 else None,
    }
    return show(clerk, "inventory/desk_variant.html", context, status=status)


async def _locations(clerk: Clerk, database: Database, form: Form, *, status: int = 200) -> Response[bytes]:
    async with database.connection() as connection:
        rows = await service.list_locations(connection)
    return show(clerk, "inventory/desk_locations.html", {"rows": rows, "form": form}, status=status)


navigation = [
    Entry("Stock", "/stock", Area.STOCK, Section.STOCK),
    Entry("Purchase reports", "/stock-reports/low", Area.STOCK, Section.STOCK),
    Entry("Locations", "/locations", Area.STOCK, Section.STOCK),
]
routes: list[ControllerRouterHandler] = [
    list_stock,
    show_variant,
    book,
    set_rule,
    show_report,
    list_locations,
    save_location,
]
