"""Desk screens of promotions: the list, making one, changing when it is valid,
switching it on and off, its codes and their batches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Section, back, changes, reads, show
from app.core.database import Database
from app.core.problems import NotFound
from app.core.templating import PRIVATE
from app.pricing.basket import (
    WHOLE,
    Action,
    AmountOff,
    BuyGet,
    FreeShipping,
    PercentOff,
    Step,
    Tiers,
)
from app.promotions import editing, queries, service
from app.promotions.service import NewPromotion, clean_code, describe_action, show_code

MOST_SHOWN = 200
_PERCENT = re.compile(r"(\d{1,3})(?:[.,](\d{1,2}))?")
_STEP = re.compile(r"\s*(\d{1,4})\s*:\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*")


class Kind(StrEnum):
    """What a promotion does."""

    PERCENT = "percent_off"
    AMOUNT = "amount_off"
    BUY_GET = "buy_get"
    TIERS = "tiers"
    SHIPPING = "free_shipping"


KINDS = {
    Kind.PERCENT: "A percentage off",
    Kind.AMOUNT: "An amount off",
    Kind.BUY_GET: "Buy some, get some reduced",
    Kind.TIERS: "More off for more units",
    Kind.SHIPPING: "Free delivery",
}


class How(StrEnum):
    """How a shopper gets it."""

    CODE = "code"
    AUTOMATIC = "automatic"


@get("/promotions", opt=reads(Area.PROMOTIONS))
async def list_promotions(clerk: Clerk, database: Database) -> Response[bytes]:
    rows = [
        {**row, "does": describe_action(msgspec.json.decode(row["action"], type=Action))}
        for row in await database.fetch(queries.ALL)
    ]
    return show(clerk, "promotions/desk_promotions.html", {"rows": rows})


@get("/promotions/new", opt=reads(Area.PROMOTIONS))
async def show_new(clerk: Clerk) -> Response[bytes]:
    start = {"how": How.CODE.value, "kind": Kind.PERCENT.value, "priority": "100"}
    return show(clerk, "promotions/desk_new.html", {"form": Form(start), "kinds": KINDS})


@post("/promotions/new", opt=changes(Area.PROMOTIONS), status_code=200)
async def create(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Make a promotion; codes come after it."""
    new = await _read_promotion(database, form)
    if form.errors:
        return show(clerk, "promotions/desk_new.html", {"form": form, "kinds": KINDS}, status=422)
    async with clerk.change("promotion.create", f"promotion:{new.title}") as change:
        promotion = await service.create_promotion(change.connection, new)
        change.after = {"id": promotion, **msgspec.to_builtins(new)}
    return back(f"/promotions/{promotion}", f"{new.title} is made.")


@get("/promotions/{promotion:int}", opt=reads(Area.PROMOTIONS))
async def show_promotion(clerk: Clerk, database: Database, promotion: int) -> Response[bytes]:
    return await _page(clerk, database, promotion, Form())


@post("/promotions/{promotion:int}", opt=changes(Area.PROMOTIONS), status_code=200)
async def change_promotion(clerk: Clerk, database: Database, form: Form, promotion: int) -> Response[bytes]:
    """Change its title, its place among others and when it is valid; what it does stays as orders know it."""
    await _find(database, promotion)
    title, priority = form.text("title", most=100), form.integer("priority", least=0, most=10_000)
    starts_at, ends_at = _validity(form)
    if form.errors:
        return await _page(clerk, database, promotion, form)
    async with clerk.change("promotion.change", f"promotion:{promotion}") as change:
        record = await editing.lock_promotion(change.connection, promotion)
        change.after = {"title": title, "starts_at": starts_at, "ends_at": ends_at, "priority": priority}
        change.before = {name: getattr(record, name) for name in change.after}
        await editing.change_promotion(change.connection, record, editing.PromotionChange(**change.after))
    return back(f"/promotions/{promotion}", f"{title} is saved.")


@post("/promotions/{promotion:int}/switch", opt=changes(Area.PROMOTIONS))
async def switch(clerk: Clerk, form: Form, promotion: int) -> Response[bytes]:
    """On or off; an order that is being placed in this moment may still get it."""
    on = form.text("on") == "yes"
    async with clerk.change("promotion.switch", f"promotion:{promotion}") as change:
        record = await editing.lock_promotion(change.connection, promotion)
        change.before, change.after = {"active": record.active}, {"active": on}
        await editing.change_promotion(change.connection, record, editing.PromotionChange(active=on))
    return back(f"/promotions/{promotion}", f"{record.title} is {'on' if on else 'off'}.")


@post("/promotions/{promotion:int}/codes", opt=changes(Area.PROMOTIONS), status_code=200)
async def add_code(clerk: Clerk, database: Database, form: Form, promotion: int) -> Response[bytes]:
    """Give it a code that many may use."""
    await _find(database, promotion)
    code = clean_code(form.text("code", most=64))
    if code is None and "code" not in form.errors:
        form.refuse("code", "A code has 3 to 32 letters and digits.")
    if code is not None:
        async with clerk.change("promotion.code", f"promotion:{promotion}") as change:
            added = await service.add_code(change.connection, promotion, code)
            change.after = {"code": code, "added": added}
        if added:
            return back(f"/promotions/{promotion}", f"{code} can be used.")
        form.refuse("code", f"{code} is taken: choose another.")
    return await _page(clerk, database, promotion, form)


@post("/promotions/{promotion:int}/batch", opt=changes(Area.PROMOTIONS), status_code=200)
async def make_batch(clerk: Clerk, database: Database, form: Form, promotion: int) -> Response[bytes]:
    """Make codes for one order each; they are downloaded as a table."""
    await _find(database, promotion)
    count = form.integer("count", least=1, most=service.MOST_CODES)
    if form.errors:
        return await _page(clerk, database, promotion, form)
    async with clerk.change("promotion.batch", f"promotion:{promotion}") as change:
        made = await service.make_codes(change.connection, promotion, count)
        change.after = {"codes": len(made)}
    return back(f"/promotions/{promotion}", f"{len(made)} codes are made.")


@get("/promotions/{promotion:int}/codes.csv", opt=reads(Area.PROMOTIONS))
async def export_codes(database: Database, promotion: int) -> Response[bytes]:
    """All codes with what became of each."""
    await _find(database, promotion)
    lines = ["code,single use,used by order,made at"]
    for row in await database.fetch(queries.CODES, promotion, service.MOST_CODES * 100):
        lines.append(
            f"{show_code(row['code'])},{'yes' if row['single_use'] else 'no'},"
            f"{row['order_number'] or ''},{row['created_at']:%Y-%m-%dT%H:%M:%SZ}"
        )
    headers = {
        "Content-Disposition": f'attachment; filename="codes-{promotion}.csv"',
        "Cache-Control": PRIVATE,
    }
    return Response("\r\n".join([*lines, ""]).encode(), media_type="text/csv; charset=utf-8", headers=headers)


async def _find(database: Database, promotion: int) -> dict[str, object]:
    row = await database.fetchrow(queries.ONE, promotion)
    if row is None:
        raise NotFound(f"There is no promotion {promotion}.")
    return dict(row)


async def _page(clerk: Clerk, database: Database, promotion: int, form: Form) -> Response[bytes]:
    row = await _find(database, promotion)
    context = {
        "row": row,
        "does": describe_action(msgspec.json.decode(str(row["action"]), type=Action)),
        "codes": [
            {**code, "shown": show_code(code["code"])}
            for code in await database.fetch(queries.CODES, promotion, MOST_SHOWN)
        ],
        "most": MOST_SHOWN,
        "form": form,
        "facts": form if "title" in form.values else Form(_facts(row)),
    }
    status = 422 if form.errors else 200
    return show(clerk, "promotions/desk_promotion.html", context, status=status)


def _facts(row: Mapping[str, object]) -> dict[str, object]:
    """What can be changed of a promotion, as its fields show it."""
    moments = {
        name: moment.strftime("%Y-%m-%dT%H:%M")
        for name in ("starts_at", "ends_at")
        if isinstance(moment := row[name], datetime)
    }
    return {"title": row["title"], "priority": row["priority"], **moments}


async def _read_promotion(database: Database, form: Form) -> NewPromotion:
    starts_at, ends_at = _validity(form)
    return NewPromotion(
        title=form.text("title", most=100),
        automatic=form.choice("how", How) is How.AUTOMATIC,
        action=_read_action(form),
        products=await _ids(database, form, "products", queries.PRODUCT_IDS),
        collections=await _ids(database, form, "collections", queries.COLLECTION_IDS),
        minimum_spend=form.optional_money("minimum_spend") or 0,
        minimum_quantity=_optional(form, "minimum_quantity", 10_000) or 0,
        starts_at=starts_at,
        ends_at=ends_at,
        usage_limit=_optional(form, "usage_limit", 100_000_000),
        per_customer=_optional(form, "per_customer", 100),
        first_order=form.flag("first_order"),
        priority=form.integer("priority", least=0, most=10_000),
        exclusive=form.flag("exclusive"),
        group=form.text("group", least=0, most=40),
    )


def _read_action(form: Form) -> Action:
    match form.choice("kind", Kind):
        case Kind.PERCENT:
            return PercentOff(_percent(form, "percent", form.text("percent")))
        case Kind.AMOUNT:
            amount = form.money("amount")
            if not amount:
                form.refuse("amount", "Say how much is taken off, like 5.00.")
            return AmountOff(amount)
        case Kind.BUY_GET:
            off = form.text("percent", least=0)
            return BuyGet(
                form.integer("buy", least=1, most=1000),
                form.integer("get", least=1, most=1000),
                _percent(form, "percent", off) if off else WHOLE,
            )
        case Kind.TIERS:
            return Tiers(_steps(form))
        case Kind.SHIPPING:
            return FreeShipping()


def _percent(form: Form, name: str, text: str) -> int:
    found = _PERCENT.fullmatch(text.strip().removesuffix("%").strip())
    percent = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not 1 <= percent <= WHOLE:
        form.refuse(name, f"{text!r} does not do: use a percentage from 0.01 to 100.")
        return 1
    return percent


def _steps(form: Form) -> tuple[Step, ...]:
    text = form.text("steps")
    found = [_STEP.fullmatch(part) for part in text.split(",")]
    if any(one is None or not int(one[1]) for one in found):
        form.refuse("steps", f"{text!r} does not do: write units and percentages like 3: 5, 10: 15.")
        return (Step(1, 1),)
    return tuple(Step(int(one[1]), _percent(form, "steps", one[2])) for one in found if one)


def _optional(form: Form, name: str, most: int) -> int | None:
    return form.integer(name, least=1, most=most) if form.values.get(name, "").strip() else None


def _moment(form: Form, name: str) -> datetime | None:
    text = form.text(name, least=0)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        form.refuse(name, f"{text!r} is no time: write it like 2026-12-24T18:00 (UTC).")
        return None


def _validity(form: Form) -> tuple[datetime | None, datetime | None]:
    starts_at, ends_at = _moment(form, "starts_at"), _moment(form, "ends_at")
    if starts_at and ends_at and ends_at <= starts_at:
        form.refuse("ends_at", "It ends before it starts.")
    return starts_at, ends_at


async def _ids(database: Database, form: Form, name: str, query: str) -> tuple[int, ...]:
    handles = [part.strip() for part in form.text(name, least=0, most=2000).split(",") if part.strip()]
    rows = {row["handle"]: row["id"] for row in await database.fetch(query, handles)} if handles else {}
    if missing := [handle for handle in handles if handle not in rows]:
        form.refuse(name, f"Not known: {', '.join(missing)}. Use the last part of the address in the shop.")
    return tuple(rows.values())


navigation = [Entry("Promotions", "/promotions", Area.PROMOTIONS, Section.MARKETING)]
routes: list[ControllerRouterHandler] = [
    list_promotions,
    show_new,
    create,
    show_promotion,
    change_promotion,
    switch,
    add_code,
    make_batch,
    export_codes,
]
