"""Desk screen of delivery: rates by method and zone, countries, boxes, and where parcels come from."""

from __future__ import annotations

import re

import asyncpg
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Section, back, changes, reads, show
from app.core.database import Database
from app.core.money import format_money
from app.core.problems import NotFound
from app.shipping import queries
from app.shipping.ports import Place
from app.shipping.service import REFRESH_SECONDS
from app.taxes.service import list_taxed

_COUNTRY = re.compile(r"[A-Z]{2}")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,30}")
# A parcel that is longer or heavier than this is a slip of the keyboard.
LONGEST_MM = 20_000
HEAVIEST_GRAMS = 10_000_000


@get("/shipping", opt=reads(Area.SETTINGS))
async def show_shipping(clerk: Clerk, database: Database) -> Response[bytes]:
    return await _page(clerk, database, Form())


@post("/shipping/methods", opt=changes(Area.SETTINGS), status_code=200)
async def save_method(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Add a way of delivery, or change its title, place and from which value it is free."""
    code = _code(form, "method")
    title, position = form.text("method_title", most=60), form.integer("position", most=1000)
    free_from = form.optional_money("free_from")
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("shipping.method", f"shipping:{code}") as change:
        change.after = {"title": title, "position": position, "free_from": free_from}
        await change.connection.execute(queries.SAVE_METHOD, code, title, position, free_from)
    return _saved(f"{title} is saved.")


@post("/shipping/rates", opt=changes(Area.SETTINGS), status_code=200)
async def save_rate(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Add the price of parcels up to a weight, or change the one of that method, zone and weight."""
    method, zone = _code(form, "rate_method"), _code(form, "rate_zone")
    grams = form.integer("up_to_grams", least=1, most=HEAVIEST_GRAMS)
    price, days = form.money("rate_price"), form.text("days", most=60)
    await _check_known(database, form, "rate_method", queries.METHODS)
    await _check_known(database, form, "rate_zone", queries.ZONES)
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("shipping.rate", f"shipping:{method}:{zone}") as change:
        change.after = {"up_to_grams": grams, "price": price, "days": days}
        await change.connection.execute(queries.SAVE_RATE, method, zone, grams, price, days)
    return _saved(f"{method} to {zone} up to {grams} g costs {format_money(price)}.")


@post("/shipping/rates/{method:str}/{zone:str}/{grams:int}/delete", opt=changes(Area.SETTINGS))
async def delete_rate(clerk: Clerk, method: str, zone: str, grams: int) -> Response[bytes]:
    """Take a price away; the next heavier one counts then, or the method is not offered."""
    async with clerk.change("shipping.rate.delete", f"shipping:{method}:{zone}") as change:
        gone = await change.connection.fetchrow(queries.DELETE_RATE, method, zone, grams)
        if gone is None:
            raise NotFound(f"There is no rate of {method} to {zone} up to {grams} g.")
        change.before = dict(gone)
    return _saved(f"{method} to {zone} up to {grams} g: taken away.")


@post("/shipping/countries", opt=changes(Area.SETTINGS), status_code=200)
async def save_country(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Deliver to a country, at the prices of a zone."""
    country = _country(form, "country")
    name, zone = form.text("country_name", most=60), _code(form, "country_zone")
    await _check_known(database, form, "country_zone", queries.ZONES)
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("shipping.country", f"shipping:{country}") as change:
        change.after = {"name": name, "zone": zone}
        await change.connection.execute(queries.SAVE_COUNTRY, country, name, zone)
    untaxed = "" if country in await list_taxed(database) else " No tax is charged there until it has a rate."
    return _saved(f"{name} is delivered to as {zone}.{untaxed}")


@post("/shipping/countries/{country:str}/delete", opt=changes(Area.SETTINGS))
async def delete_country(clerk: Clerk, country: str) -> Response[bytes]:
    """Deliver to a country no more; orders that were placed stay."""
    async with clerk.change("shipping.country.delete", f"shipping:{country}") as change:
        gone = await change.connection.fetchrow(queries.DELETE_COUNTRY, country)
        if gone is None:
            raise NotFound(f"Nothing is delivered to {country}.")
        change.before = dict(gone)
    return _saved(f"{gone['name']} is delivered to no more.")


@post("/shipping/boxes", opt=changes(Area.SETTINGS), status_code=200)
async def save_box(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Add a box, or change it; one that is not in use is not packed into."""
    code, title = _code(form, "box"), form.text("box_title", most=60)
    size = [form.integer(f"{side}_mm", least=1, most=LONGEST_MM) for side in ("length", "width", "height")]
    tare = form.integer("tare_grams", most=HEAVIEST_GRAMS)
    limit = form.integer("limit_grams", least=1, most=HEAVIEST_GRAMS)
    freight, active = form.flag("freight"), form.flag("active")
    if "limit_grams" not in form.errors and limit <= tare:
        form.refuse("limit_grams", f"{limit} does not do: the box alone weighs {tare} g.")
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("shipping.box", f"box:{code}") as change:
        change.after = {"size_mm": size, "tare": tare, "limit": limit, "freight": freight, "active": active}
        await change.connection.execute(queries.SAVE_BOX, code, title, *size, tare, limit, freight, active)
    return _saved(f"{title} is saved.")


@post("/shipping/origin", opt=changes(Area.SETTINGS), status_code=200)
async def save_origin(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Say where parcels come from; carriers are asked from then on, if there is a key for one."""
    origin = Place(
        name=form.text("name", most=80),
        line1=form.text("line1", most=80),
        line2=form.text("line2", least=0, most=80),
        city=form.text("city", most=80),
        region=form.text("region", least=0, most=40),
        postcode=form.text("postcode", most=12),
        country=_country(form, "origin_country"),
        phone=form.text("phone", least=0, most=30),
    )
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("shipping.origin", "shipping:origin") as change:
        change.after = {"city": origin.city, "country": origin.country}
        await change.connection.execute(
            queries.SAVE_ORIGIN,
            origin.name,
            origin.line1,
            origin.line2,
            origin.city,
            origin.region,
            origin.postcode,
            origin.country,
            origin.phone,
        )
    return _saved(f"Parcels come from {origin.city}.")


def _saved(message: str) -> Response[bytes]:
    return back("/shipping", f"{message} It counts within {REFRESH_SECONDS} seconds.")


def _code(form: Form, name: str) -> str:
    code = form.text(name, most=31).lower()
    if code and not _CODE.fullmatch(code):
        form.refuse(name, f"{code!r} does not do: use small letters, digits and hyphens.")
    return code


def _country(form: Form, name: str) -> str:
    country = form.text(name, most=2).upper()
    if country and not _COUNTRY.fullmatch(country):
        form.refuse(name, f"{country!r} is no country: use two letters, like DE.")
    return country


async def _check_known(database: Database, form: Form, name: str, query: str) -> None:
    code, known = form.values.get(name, ""), [row["code"] for row in await database.fetch(query)]
    if code and code not in known:
        form.refuse(name, f"{code!r} is not there: choose one of {', '.join(known)}.")


async def _page(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    origin: asyncpg.Record | None = await database.fetchrow(queries.ORIGIN)
    if origin and not form.values:
        known = {**dict(origin), "origin_country": origin["country"]}
        form = Form({name: value for name, value in known.items() if name != "country"})
    context = {
        "methods": await database.fetch(queries.METHODS),
        "zones": await database.fetch(queries.ZONES),
        "rates": await database.fetch(queries.RATES),
        "countries": await database.fetch(queries.COUNTRIES),
        "taxed": await list_taxed(database),
        "boxes": await database.fetch(queries.ALL_BOXES),
        "origin": origin,
        "form": form,
    }
    return show(clerk, "shipping/desk_shipping.html", context, status=422 if form.errors else 200)


navigation = [Entry("Delivery", "/shipping", Area.SETTINGS, Section.SYSTEM)]
routes: list[ControllerRouterHandler] = [
    show_shipping,
    save_method,
    save_rate,
    delete_rate,
    save_country,
    delete_country,
    save_box,
    save_origin,
]
