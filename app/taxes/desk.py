"""Desk screen of taxes: the rates by place and class, and where prices are shown without tax."""

from __future__ import annotations

import re
from enum import StrEnum

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Section, back, changes, reads, show
from app.core.database import Database
from app.core.problems import NotFound
from app.taxes import queries

_COUNTRY = re.compile(r"[A-Z]{2}")
_CLASS = re.compile(r"[a-z][a-z0-9-]{0,30}")
_RATE = re.compile(r"(\d{1,3})(?:[.,](\d{1,2}))?")


class Shown(StrEnum):
    """Whether prices hold the tax."""

    INCLUDED = "included"
    EXCLUDED = "excluded"


@get("/taxes", opt=reads(Area.SETTINGS))
async def list_rates(clerk: Clerk, database: Database) -> Response[bytes]:
    return await _page(clerk, database, Form())


@post("/taxes", opt=changes(Area.SETTINGS), status_code=200)
async def save_rate(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Add a rate, or change the one of that place and class."""
    country = _country(form)
    subdivision = form.text("subdivision", least=0, most=10).upper()
    postcode = re.sub(r"\s", "", form.text("postcode", least=0, most=12)).upper()
    tax_class, source = form.text("tax_class", most=31).lower(), form.text("source", most=200)
    if tax_class and not _CLASS.fullmatch(tax_class):
        form.refuse("tax_class", f"{tax_class!r} does not do: use small letters, like standard or reduced.")
    text = form.text("rate")
    found = _RATE.fullmatch(text.removesuffix("%").strip())
    rate = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else -1
    if not 0 <= rate <= 10_000:
        form.refuse("rate", f"{text!r} does not do: use a percentage from 0 to 100, like 19 or 5.5.")
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("tax.rate", f"tax:{country}") as change:
        change.after = {"class": tax_class, "rate": rate, "subdivision": subdivision, "postcode": postcode}
        await change.connection.execute(
            queries.SAVE_RATE, country, subdivision, postcode, tax_class, rate, source
        )
    return back("/taxes", f"{country}, {tax_class}: {rate / 100:g} %. It counts within half a minute.")


@post("/taxes/{rate:int}/delete", opt=changes(Area.SETTINGS))
async def delete_rate(clerk: Clerk, rate: int) -> Response[bytes]:
    """Take a rate away; a wider one that fits counts then, or none."""
    async with clerk.change("tax.delete", f"tax-rate:{rate}") as change:
        gone = await change.connection.fetchrow(queries.DELETE_RATE, rate)
        if gone is None:
            raise NotFound(f"There is no tax rate {rate}.")
        change.before = dict(gone)
    return back("/taxes", f"{gone['country']}, {gone['tax_class']}: taken away.")


@post("/taxes/regions", opt=changes(Area.SETTINGS), status_code=200)
async def save_region(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Say whether a country's prices hold the tax."""
    country, shown = _country(form), form.choice("shown", Shown)
    if form.errors:
        return await _page(clerk, database, form)
    async with clerk.change("tax.region", f"tax:{country}") as change:
        change.after = {"prices": shown.value}
        await change.connection.execute(queries.SAVE_REGION, country, shown is Shown.INCLUDED)
    return back("/taxes", f"Prices for {country}: tax {shown.value}.")


def _country(form: Form) -> str:
    country = form.text("country", most=2).upper()
    if country and not _COUNTRY.fullmatch(country):
        form.refuse("country", f"{country!r} is no country: use two letters, like DE.")
    return country


async def _page(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    context = {
        "rates": await database.fetch(queries.RATES),
        "regions": await database.fetch(queries.REGIONS),
        "form": form,
    }
    return show(clerk, "taxes/desk_taxes.html", context, status=422 if form.errors else 200)


navigation = [Entry("Taxes", "/taxes", Area.SETTINGS, Section.SYSTEM)]
routes: list[ControllerRouterHandler] = [list_rates, save_rate, delete_rate, save_region]
