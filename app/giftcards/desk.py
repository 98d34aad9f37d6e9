"""Desk screens of gift cards: the list, issuing one, its ledger, corrections, switching it off."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

import asyncpg
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Section, back, changes, reads, show
from app.core.database import Database
from app.core.money import format_money
from app.core.problems import NotFound
from app.giftcards import queries, records, service
from app.promotions.service import show_code

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


@get("/gift-cards", opt=reads(Area.PROMOTIONS))
async def list_cards(clerk: Clerk, database: Database) -> Response[bytes]:
    return await _list_page(clerk, database, Form())


@post("/gift-cards", opt=changes(Area.PROMOTIONS), status_code=200)
async def issue(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Make a card and show its code, this one time: only its hash is kept."""
    amount, note = form.money("amount"), form.text("note", least=0, most=200)
    expires_at = _day(form, "expires_at")
    if not 0 < amount <= service.MOST:
        form.refuse("amount", f"Use an amount from 0.01 to {service.MOST // 100}.00.")
    if form.errors:
        return await _list_page(clerk, database, form)
    async with clerk.change("gift-card.issue", "gift-card:new") as change:
        card, code = await service.issue(
            change.connection, amount, actor=clerk.email, note=note, expires_at=expires_at
        )
        change.after = {"id": card, "amount": amount, "last4": code[-4:], "note": note}
    context = {"card": card, "code": show_code(code), "amount": amount}
    return show(clerk, "giftcards/desk_issued.html", context)


@get("/gift-cards/{card:int}", opt=reads(Area.PROMOTIONS))
async def show_card(clerk: Clerk, database: Database, card: int) -> Response[bytes]:
    return await _card_page(clerk, database, card, Form())


@post("/gift-cards/{card:int}/adjust", opt=changes(Area.PROMOTIONS), status_code=200)
async def adjust(clerk: Clerk, database: Database, form: Form, card: int) -> Response[bytes]:
    """Book a correction; the form's key makes a second click the same one."""
    row = await _find(database, card)
    amount, key = form.money("amount"), form.text("key")
    down = form.text("way") == "down"
    if not 0 < amount <= service.MOST:
        form.refuse("amount", f"Use an amount from 0.01 to {service.MOST // 100}.00.")
    if not _KEY.fullmatch(key):
        form.refuse("key", "Reload the page and try again.")
    if not form.errors:
        change_by = -amount if down else amount
        try:
            async with clerk.change("gift-card.adjust", f"gift-card:{card}") as change:
                change.before, change.after = {"balance": row["balance"]}, {"adjusted": change_by}
                await service.adjust(change.connection, card, change_by, key=f"desk:{key}", actor=clerk.email)
            return back(f"/gift-cards/{card}", "The correction is booked.")
        except asyncpg.CheckViolationError:
            form.refuse("amount", f"There are only {format_money(int(str(row['balance'])))} on the card.")
    return await _card_page(clerk, database, card, form)


@post("/gift-cards/{card:int}/switch", opt=changes(Area.PROMOTIONS))
async def switch(clerk: Clerk, form: Form, card: int) -> Response[bytes]:
    """Block a card that was lost, or free it again."""
    on = form.text("on") == "yes"
    async with clerk.change("gift-card.switch", f"gift-card:{card}") as change:
        record = await records.lock_card(change.connection, card)
        change.before, change.after = {"active": record.active}, {"active": on}
        await records.switch_card(change.connection, record, on=on)
    return back(f"/gift-cards/{card}", "The card can be used." if on else "The card is blocked.")


async def _find(database: Database, card: int) -> dict[str, object]:
    row = await database.fetchrow(queries.ONE, card)
    if row is None:
        raise NotFound(f"There is no gift card {card}.")
    return dict(row)


async def _list_page(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    context = {"rows": await database.fetch(queries.ALL), "form": form}
    return show(clerk, "giftcards/desk_cards.html", context, status=422 if form.errors else 200)


async def _card_page(clerk: Clerk, database: Database, card: int, form: Form) -> Response[bytes]:
    context = {
        "card": await _find(database, card),
        "events": await database.fetch(queries.EVENTS, card),
        "key": secrets.token_urlsafe(16),
        "form": form,
    }
    return show(clerk, "giftcards/desk_card.html", context, status=422 if form.errors else 200)


def _day(form: Form, name: str) -> datetime | None:
    text = form.text(name, least=0)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        form.refuse(name, f"{text!r} is no day: write it like 2028-12-31.")
        return None


navigation = [Entry("Gift cards", "/gift-cards", Area.PROMOTIONS, Section.MARKETING)]
routes: list[ControllerRouterHandler] = [list_cards, issue, show_card, adjust, switch]
