"""The checkout's pages: address, delivery, payment. Plain forms and redirects; nothing needs a script."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

from litestar import Request, Response, get, post
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from app.cart.offer import fill_in, price_cart
from app.cart.records import CartRecord
from app.cart.routes import visitor_cart, visitor_cart_id
from app.cart.service import hold, save_details
from app.checkout import answers, service
from app.checkout.answers import Answer
from app.checkout.forms import Address, CheckoutRequest, PaymentChoice, check_address, check_email
from app.checkout.shop import Shop
from app.core.problems import NotFound, Problem
from app.core.settings import Settings
from app.core.signing import check_form_token, form_token
from app.core.templating import PRIVATE, render
from app.payments.ports import GatewayAway
from app.shipping.ports import Rate

Page = Request[Any, Any, Any]
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_private = {"Cache-Control": PRIVATE}


class TestCard(NamedTuple):
    """A choice on the payment page; the store only ever sees the token."""

    token: str
    title: str
    hint: str


CARDS = (
    TestCard("tok_ok", "Test card that pays", "The payment succeeds at once."),
    TestCard("tok_3ds", "Test card with 3-D Secure", "You confirm the payment on the bank's test page."),
    TestCard("tok_declined", "Test card without cover", "The payment is declined."),
    TestCard("tok_slow", "Test card of a slow bank", "The payment succeeds after a moment."),
    TestCard("tok_error", "Test card of a failing bank", "The payment service fails."),
)
STRIPE = (TestCard("stripe_page", "Card", "You pay on Stripe's page; this shop never sees your card."),)


def _cards(shop: Shop) -> tuple[TestCard, ...]:
    return STRIPE if shop.gateway.name == "stripe" else CARDS


@get("/checkout", include_in_schema=False)
async def show_address(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """First step: who and where to."""
    record = await _open_cart(shop, settings, request)
    if isinstance(record, Redirect):
        return record
    return await _address_page(shop, settings, record, record.details.get("contact", {}), {})


@post("/checkout", include_in_schema=False)
async def save_address(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """Keep the address, or show what is wrong with it."""
    record = await _open_cart(shop, settings, request)
    if isinstance(record, Redirect):
        return record
    form = await request.form()
    check_form_token(settings, str(record.cart.id), str(form.get("csrf_token", "")))
    contact = {field: str(form.get(field, "")).strip() for field in ("email", *Address.__struct_fields__)}
    errors = check_address(_address(contact), await shop.rates.countries())
    if fault := check_email(contact["email"]):
        errors = {"email": fault, **errors}
    if errors:
        return await _address_page(shop, settings, record, contact, errors, status=422)
    await save_details(shop.database, record.cart.id, {"contact": contact})
    return _go("/checkout/delivery")


@get("/checkout/delivery", include_in_schema=False)
async def show_delivery(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """Second step: how."""
    record = await _open_cart(shop, settings, request)
    if isinstance(record, Redirect):
        return record
    if "contact" not in record.details:
        return _go("/checkout")
    return _delivery_page(settings, record, await _offers(shop, record), "")


@post("/checkout/delivery", include_in_schema=False)
async def save_delivery(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """Keep the choice among the rates."""
    record = await _open_cart(shop, settings, request)
    if isinstance(record, Redirect):
        return record
    if "contact" not in record.details:
        return _go("/checkout")
    form = await request.form()
    check_form_token(settings, str(record.cart.id), str(form.get("csrf_token", "")))
    offers = await _offers(shop, record)
    method = str(form.get("shipping_method", ""))
    if method not in [offer.id for offer in offers]:
        return _delivery_page(settings, record, offers, "Delivery: choose one of these", status=422)
    await save_details(shop.database, record.cart.id, {"method": method})
    return _go("/checkout/payment")


@get("/checkout/payment", include_in_schema=False)
async def show_payment(shop: Shop, settings: Settings, request: Page, failed: str = "") -> Response[Any]:
    """Third step: check everything and pay."""
    record = await visitor_cart(shop.database, settings, request)
    if record is not None and record.cart.state == "ordering":
        order = await service.find_cart_order(shop.database, record.cart.id)
        context = {
            "action_url": order["action_url"] if order else None,
            "csrf_token": form_token(settings, str(record.cart.id)),
        }
        return render("checkout/pending.html", context)
    opened = await _open_cart(shop, settings, request)
    if isinstance(opened, Redirect):
        return opened
    notice = "The payment was not completed. Your cart is as it was; you can try again." if failed else ""
    return await _payment_page(shop, settings, opened, notice)


@post("/checkout/payment", include_in_schema=False)
async def pay(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """Order and pay. The hidden key makes a second click repeat the first instead of ordering again."""
    cart_id = visitor_cart_id(settings, request)
    form = await request.form()
    check_form_token(settings, str(cart_id), str(form.get("csrf_token", "")))
    record = await visitor_cart(shop.database, settings, request)
    if record is None:
        return await _after_order(shop, cart_id)
    token, key, total = (str(form.get(name, "")) for name in ("payment_token", "key", "total"))
    if "contact" not in record.details or "method" not in record.details:
        return _go("/checkout")
    # Without a card: gift cards pay all of it, or else the checkout says what is missing.
    known = ["", *(card.token for card in _cards(shop))]
    if token not in known or not _KEY.fullmatch(key) or not total.isdecimal():
        return await _payment_page(shop, settings, record, "Payment: choose one of the cards", status=422)
    contact = record.details["contact"]
    order = CheckoutRequest(
        cart_id=record.cart.id,
        email=contact["email"],
        shipping_address=_address(contact),
        shipping_method=record.details["method"],
        payment=PaymentChoice(token) if token else None,
    )
    try:
        answer = await service.check_out(
            shop, f"page:{record.cart.id}:{key}", order, expected_total=int(total)
        )
    except Problem as problem:
        return await _refused(shop, settings, request, problem)
    return await _answered(shop, settings, request, answer, key)


async def _answered(shop: Shop, settings: Settings, request: Page, answer: Answer, key: str) -> Response[Any]:
    if answer.status == 201:
        placed = answer.document["order"]
        return _go(f"/orders/{placed['number']}?token={placed['token']}")
    if answer.status == 202:
        return _go(answer.document["next_action"]["url"])
    record = await visitor_cart(shop.database, settings, request)
    if answer.status == 409 or record is None or record.cart.state != "open":
        return _go("/checkout/payment")
    # After an outage the same key goes into the form again: should the payment have been taken, it is found.
    again = key if answer.status == 503 else None
    return await _payment_page(
        shop, settings, record, answer.document["detail"], status=answer.status, key=again
    )


@post("/checkout/cancel", include_in_schema=False)
async def cancel_payment(shop: Shop, settings: Settings, request: Page) -> Response[Any]:
    """End a payment that waits for its shopper; the cart is open again."""
    cart_id = visitor_cart_id(settings, request)
    form = await request.form()
    check_form_token(settings, str(cart_id), str(form.get("csrf_token", "")))
    await service.cancel_cart_payment(shop, cart_id)
    return _go("/checkout/payment")


@get("/checkout/return/{number:str}", include_in_schema=False)
async def return_from_gateway(
    shop: Shop,
    number: str,
    token: str = "",
) -> Response[Any]:
    """Where the gateway sends the shopper back to; the webhook may have been faster, or come later."""
    order = await service.find_order(shop.database, number)
    if order is None or not hmac.compare_digest(order["token"].encode(), token.encode()):
        raise NotFound("There is no such order.")
    try:
        answer = await service.settle_order(shop, order["id"])
    except GatewayAway:
        answer = answers.outcome_unknown()
    if answer is not None and answer.status == 402:
        return _go("/checkout/payment?failed=1")
    return _go(f"/orders/{number}?token={token}")


async def _open_cart(shop: Shop, settings: Settings, request: Page) -> CartRecord | Redirect:
    """The visitor's cart when it can be checked out, else the page to go to instead."""
    record = await visitor_cart(shop.database, settings, request)
    if record is None:
        return await _after_order(shop, visitor_cart_id(settings, request))
    if record.cart.state == "ordering":
        return _go("/checkout/payment")
    try:
        # Each step holds the units for some minutes more.
        return await hold(shop.database, record.cart.id)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return _go("/cart?refused=insufficient-stock" if problem.type == "insufficient-stock" else "/cart")


async def _after_order(shop: Shop, cart_id: Any) -> Redirect:
    order = await service.find_cart_order(shop.database, cart_id) if cart_id else None
    return _go(f"/orders/{order['number']}?token={order['token']}" if order else "/cart")


async def _refused(shop: Shop, settings: Settings, request: Page, problem: Problem) -> Response[Any]:
    if problem.status >= 500:
        raise problem
    if problem.type == "insufficient-stock":
        return _go("/cart?refused=insufficient-stock")
    record = await visitor_cart(shop.database, settings, request)
    if record is None or record.cart.state != "open" or not record.cart.lines:
        return _go("/checkout/payment")
    return await _payment_page(
        shop, settings, record, f"{problem.title}. {problem.detail}", status=problem.status
    )


async def _address_page(
    shop: Shop,
    settings: Settings,
    record: CartRecord,
    contact: dict[str, str],
    errors: dict[str, str],
    *,
    status: int = 200,
) -> Response[bytes]:
    context = {
        "contact": contact,
        "errors": errors,
        "countries": await shop.rates.countries(),
        "csrf_token": form_token(settings, str(record.cart.id)),
    }
    return render("checkout/address.html", context, status=status)


def _delivery_page(
    settings: Settings, record: CartRecord, offers: list[Rate], error: str, status: int = 200
) -> Response[bytes]:
    context = {
        "offers": offers,
        "chosen": record.details.get("method", offers[0].id if offers else ""),
        "error": error,
        "csrf_token": form_token(settings, str(record.cart.id)),
    }
    return render("checkout/delivery.html", context, status=status)


async def _payment_page(
    shop: Shop,
    settings: Settings,
    record: CartRecord,
    notice: str,
    *,
    status: int = 200,
    key: str | None = None,
) -> Response[Any]:
    contact = record.details.get("contact")
    if contact is None:
        return _go("/checkout")
    offers = {offer.id: offer for offer in await _offers(shop, record)}
    offer = offers.get(record.details.get("method", ""))
    if offer is None:
        return _go("/checkout/delivery")
    quote = await price_cart(shop.database, record, shipping=offer.price.amount)
    context = {
        "cart": fill_in(record.cart, quote),
        "priced": quote.priced,
        "contact": contact,
        "offer": offer,
        "total": quote.priced.total,
        "due": quote.priced.due,
        "minutes": _minutes_left(record),
        "cards": _cards(shop),
        "notice": notice,
        "key": key or secrets.token_urlsafe(16),
        "csrf_token": form_token(settings, str(record.cart.id)),
    }
    return render("checkout/payment.html", context, status=status)


def _minutes_left(record: CartRecord) -> int:
    """Whole minutes for which the units are held; 0 when they are not."""
    if record.cart.reserved_until is None:
        return 0
    return max(0, int((record.cart.reserved_until - datetime.now(UTC)).total_seconds() // 60))


async def _offers(shop: Shop, record: CartRecord) -> list[Rate]:
    contact = record.details["contact"]
    return await shop.rates.quote(contact["country"], contact["postcode"], record.goods)


def _address(contact: dict[str, str]) -> Address:
    # Built without the limits of the API's decoder: `check_address` tells a form's user what is wrong.
    return Address(**{field: contact.get(field, "") for field in Address.__struct_fields__})


def _go(address: str) -> Redirect:
    return Redirect(address, status_code=303, headers=_private)


routes: list[ControllerRouterHandler] = [
    show_address,
    save_address,
    show_delivery,
    save_delivery,
    show_payment,
    pay,
    cancel_payment,
    return_from_gateway,
]
