"""Desk screens of payments: facts, what differs from the gateway, and captures, refunds and voids by hand."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Form, Page, Section, back, changes, reads, show
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import NotFound, Problem
from app.payments import desk_queries, queries, service
from app.payments.ports import GatewayAway, OperationKind, Payment

navigation = [
    Entry("Payments", "/payments", Area.PAYMENTS, Section.ORDERS),
    Entry("Payment differences", "/payment-differences", Area.PAYMENTS, Section.ORDERS),
]

TITLES = {
    OperationKind.CAPTURE: "Capture",
    OperationKind.REFUND: "Refund",
    OperationKind.VOID: "Let go of the rest",
}


@get("/payments", opt=reads(Area.PAYMENTS))
async def list_payments(clerk: Clerk, database: Database, search: str = "", page: int = 1) -> Response[bytes]:
    """What the gateway told, newest first; by the beginning of an order's number, or a payment's id."""
    search = search.replace("\0", "").strip()[:100]
    rows = await database.fetch(desk_queries.EVENTS, search, *Page.window(page))
    return show(clerk, "payments/desk_payments.html", {"rows": Page.cut(rows, page), "search": search})


@get("/payment-differences", opt=reads(Area.PAYMENTS))
async def list_differences(clerk: Clerk, database: Database, page: int = 1) -> Response[bytes]:
    """What somebody has to look at: refused, unanswered, moved elsewhere, or kept without an order."""
    rows = await database.fetch(desk_queries.DIFFERENCES, *Page.window(page))
    return show(clerk, "payments/desk_differences.html", {"rows": Page.cut(rows, page)})


@get("/payments/{number:str}", opt=reads(Area.PAYMENTS))
async def show_payment(clerk: Clerk, shop: Shop, number: str, ask: bool = False) -> Response[bytes]:
    """An order's payment; with `ask` also what the gateway says of it at this moment."""
    return await _payment(clerk, shop, number, ask=ask)


@post("/payments/{number:str}/{kind:str}", opt=changes(Area.PAYMENTS))
async def operate(clerk: Clerk, shop: Shop, form: Form, number: str, kind: str) -> Response[bytes]:
    """Capture, refund or void, once for each form shown."""
    if kind not in list(OperationKind):
        raise NotFound(f"Nothing is done with a payment as {kind!r}.")
    verb = OperationKind(kind)
    amount = 0 if verb is OperationKind.VOID else form.money("amount")
    reason, key = form.text("reason", most=200), form.text("key", least=16, most=64)
    if not amount and verb is not OperationKind.VOID:
        form.refuse("amount", "0.00 moves nothing: give an amount.")
    if form.errors:
        return await _payment(clerk, shop, number, form=form, kind=verb, status=422)
    order = await _find(shop.database, number)
    after = {"amount": amount, "reason": reason} if amount else {"reason": reason}
    try:
        async with clerk.attempt(f"payment.{verb}", f"order:{number}", after):
            done = await _carry_out(shop, order, verb, amount, reason=reason, key=f"desk:{key}")
    except Problem as problem:
        if problem.status != 409:
            raise
        form.refuse("amount", problem.detail)
        return await _payment(clerk, shop, number, form=form, kind=verb, status=409)
    if done is None:
        return back(f"/payments/{number}", "There was nothing left to let go of.")
    if done.state == "failed":
        form.refuse("amount", f"The gateway refuses: {done.failure}")
        form.values["key"] = secrets.token_hex(16)
        return await _payment(clerk, shop, number, form=form, kind=verb, status=409)
    if done.state == "pending":
        return back(f"/payments/{number}", "The gateway has not answered. It is asked again by itself.")
    return back(f"/payments/{number}", "Done.")


async def _carry_out(
    shop: Shop, order: int, kind: OperationKind, amount: int, *, reason: str, key: str
) -> service.Operation | None:
    if kind is OperationKind.CAPTURE:
        return await service.capture(shop, order, amount, key, reason)
    if kind is OperationKind.REFUND:
        return await service.refund(shop, order, amount, reason, key)
    return await service.void(shop, order, key, reason)


async def _payment(
    clerk: Clerk,
    shop: Shop,
    number: str,
    *,
    ask: bool = False,
    form: Form | None = None,
    kind: OperationKind | None = None,
    status: int = 200,
) -> Response[bytes]:
    order = await _find(shop.database, number)
    async with shop.database.connection() as connection:
        ledger = await service.read_ledger(connection, order)
        events = await connection.fetch(queries.EVENTS_OF_ORDER, order)
        operations = await connection.fetch(queries.OPERATIONS_OF_ORDER, order)
    # Each form has a key of its own: sent twice, it is carried out once.
    forms = {one: Form({"key": secrets.token_hex(16)}) for one in OperationKind}
    if form is not None and kind is not None:
        forms[kind] = form
    context: dict[str, Any] = {
        "ledger": ledger,
        "events": events,
        "operations": operations,
        "forms": forms,
        "titles": TITLES,
        "room": {
            OperationKind.CAPTURE: ledger.capturable,
            OperationKind.REFUND: ledger.refundable,
            OperationKind.VOID: ledger.capturable,
        },
        "asked": await _ask(shop, ledger) if ask else None,
    }
    return show(clerk, "payments/desk_payment.html", context, status=status)


async def _ask(shop: Shop, ledger: service.Ledger) -> str:
    """What the gateway says of the payment now, in a sentence."""
    if ledger.gateway not in (None, shop.gateway.name):
        return f"The payment is {ledger.gateway}'s; the store uses {shop.gateway.name}."
    try:
        found: Payment | None = await shop.gateway.find(
            service.make_charge(shop, msgspec.structs.asdict(ledger))
        )
    except GatewayAway as away:
        return f"The gateway does not answer: {away}"
    if found is None:
        return "The gateway knows no such payment."
    secured = ledger.authorized or ledger.captured
    agrees = found.amount == secured if found.state.is_secured else not secured
    verdict = "as the store has it" if agrees else "NOT as the store has it"
    return f"At the gateway it is {found.state.replace('_', ' ')}, {verdict}."


async def _find(database: Database, number: str) -> int:
    order = None if "\0" in number else await database.fetchval(queries.ORDER_ID, number)
    if order is None:
        raise NotFound(f"There is no order {number!r}.")
    return int(order)


routes: list[ControllerRouterHandler] = [list_payments, list_differences, show_payment, operate]
