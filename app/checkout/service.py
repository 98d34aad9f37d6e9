"""Places orders and settles their payments.

Two short transactions around the gateway's call: place (key, order, stock; state payment_pending), then
confirm or release. No row is locked while the gateway is asked. A crash in between leaves a pending order,
which `settle_order` brings to its end by asking the gateway: on a repeated key, on the shopper's return, on a
webhook, or from the worker.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
import structlog

from app.cart.offer import price_cart
from app.cart.records import CartRecord
from app.cart.service import find_cart, find_fresh, insufficient_stock
from app.checkout import answers, queries
from app.checkout.answers import Answer
from app.checkout.forms import CheckoutRequest, PaymentChoice, check_address, check_email
from app.checkout.money import check_offer, place_arguments, total_changed
from app.checkout.shop import Shop
from app.core import metrics
from app.core.database import Connection, Database
from app.core.money import CURRENCY
from app.core.problems import Invalid, NotFound, Problem
from app.inventory import service as inventory
from app.payments.ports import GatewayAway, Payment, PaymentState
from app.payments.service import make_charge, return_stray_payment
from app.pricing.basket import Priced
from app.promotions.service import forget_promotions
from app.shipping.ports import Goods

log = structlog.get_logger()

# A request is over long before: the gateway takes 3 s at most, each wait for a connection 2 s.
SETTLE_AFTER_SECONDS = 15
# How long a shopper may take to approve a payment; the stock is held meanwhile.
ACTION_SECONDS = 15 * 60
# Another try for the recovery job when the gateway did not answer.
RETRY_SECONDS = 20
SETTLE_BATCH = 100
# A deadlock undoes the whole statement, so that it may be sent again.
DEADLOCK_ATTEMPTS = 3
# The cart, its hold included, may change between reading and ordering it.
PLACE_ATTEMPTS = 3
# What the booking of promotions and gift cards says when one has run out.
BENEFIT_GONE = "PR001"

Order = Mapping[str, Any]


async def check_out(
    shop: Shop, key: str, request: CheckoutRequest, *, expected_total: int | None = None
) -> Answer:
    """Order what the cart holds and take the payment; the same key never makes two orders.

    `expected_total` is what the shopper was shown. Raises Problem for what is refused before an order is
    placed; such an answer is not kept with the key.
    """
    fingerprint = hashlib.sha256(msgspec.json.encode(request)).digest()
    try:
        order = await _place_cart(shop, key, fingerprint, request, expected_total)
    except Problem as problem:
        # A repeated request meets the cart as its first run left it: what the key knows comes before that.
        repeated = await _repeat(shop, key, fingerprint)
        if repeated is None:
            metrics.checkouts.labels(problem.type).inc()
            raise
        return repeated
    answer = await _pay(shop, order, request.payment)
    metrics.checkouts.labels(str(answer.status)).inc()
    return answer


async def _place_cart(
    shop: Shop, key: str, fingerprint: bytes, request: CheckoutRequest, expected_total: int | None
) -> Order:
    if expected_total is None:
        expected_total = request.expected_total
    for attempt in range(1, PLACE_ATTEMPTS + 1):
        record = await find_fresh(shop.database, request.cart_id)
        shipping = await _price_shipping(shop, request, record)
        record = _check_cart(request, record)
        contact = msgspec.to_builtins(request.shipping_address) | {"email": request.email}
        offer = await price_cart(shop.database, record, contact=contact, shipping=shipping)
        check_offer(request, offer, expected_total)
        try:
            return await _place(shop.database, key, fingerprint, request, record=record, priced=offer.priced)
        except Problem as problem:
            # Most likely its hold has just expired, or been taken.
            if problem.type != "cart-changed" or attempt == PLACE_ATTEMPTS:
                raise
    raise AssertionError


async def settle_order(shop: Shop, order_id: int, *, give_up: bool = False) -> Answer | None:
    """Ask the gateway how the payment stands and finish the order; None when it waits for its shopper.

    With `give_up` a payment that still waits is cancelled. Raises GatewayAway.
    """
    order = await shop.database.fetchrow(queries.ORDER, order_id)
    if order is None:
        raise NotFound(f"There is no order with id {order_id}.")
    if order["state"] == "payment_failed":
        await return_stray_payment(shop, order_id)
    if order["state"] != "payment_pending":
        return await _kept_answer(shop.database, order)
    charge = make_charge(shop, order)
    payment = _nothing_due(order) if not charge.amount else await shop.gateway.find(charge)
    if payment is None or (give_up and not payment.state.is_final):
        payment = await shop.gateway.cancel(charge)
    answer = await _apply(shop, order, payment)
    return None if answer.status == 202 else answer


async def settle_due_orders(shop: Shop) -> int:
    """Settle every order whose time has come; returns how many were claimed."""
    claimed = await _claim(shop.database)
    for row in claimed:
        try:
            await settle_order(shop, row["id"], give_up=True)
        except GatewayAway as error:
            log.warning("the gateway is away; the orders wait", order_id=row["id"], error=str(error))
            break
    return len(claimed)


async def cancel_cart_payment(shop: Shop, cart_id: Any) -> None:
    """End the cart's pending payment, so that it is open again. Raises Problem when the gateway is away."""
    order = await find_cart_order(shop.database, cart_id)
    if order is None or order["state"] != "payment_pending":
        return
    try:
        await settle_order(shop, order["id"], give_up=True)
    except GatewayAway as error:
        raise _as_problem(answers.outcome_unknown()) from error


async def find_cart_order(database: Database, cart_id: Any) -> Order | None:
    """The order that the cart became or is becoming."""
    return await database.fetchrow(queries.ORDER_OF_CART, cart_id)


async def find_order(database: Database, number: str) -> Order | None:
    """The order by its number, for settling."""
    return await database.fetchrow(queries.ORDER_BY_NUMBER, number)


async def _claim(database: Database) -> list[Order]:
    async with database.connection() as connection:
        rows: list[Order] = await connection.fetch(queries.CLAIM_DUE, RETRY_SECONDS, SETTLE_BATCH)
        return rows


async def _price_shipping(shop: Shop, request: CheckoutRequest, record: CartRecord | None) -> int:
    errors = {}
    if fault := check_email(request.email):
        errors["email"] = fault
    for field, message in check_address(request.shipping_address, await shop.rates.countries()).items():
        errors[f"shipping_address.{field}"] = message
    if not errors:
        address = request.shipping_address
        offers = await shop.rates.quote(
            address.country, address.postcode, record.goods if record else Goods()
        )
        for offer in offers:
            if offer.id == request.shipping_method:
                return offer.price.amount
        offered = ", ".join(offer.id for offer in offers) or "nothing"
        errors["shipping_method"] = (
            f"shipping_method is {request.shipping_method!r}: for this cart and address there is {offered}"
        )
    raise Invalid(errors)


def _check_cart(request: CheckoutRequest, record: CartRecord | None) -> CartRecord:
    if record is None:
        raise Invalid({"cart_id": f"cart_id is {request.cart_id}: there is no such cart"})
    if record.cart.state == "ordering":
        raise Problem(
            409,
            "checkout-in-progress",
            "The cart is being ordered",
            "Another checkout of this cart is in progress.",
            retry_after=2,
        )
    if record.cart.state == "ordered":
        raise Problem(409, "cart-ordered", "The cart has been ordered", "Start a new cart.")
    if not record.cart.lines:
        raise Invalid({"cart_id": f"cart_id is {request.cart_id}: this cart is empty"})
    if record.short:
        raise insufficient_stock(record.short)
    return record


async def _place(
    database: Database,
    key: str,
    fingerprint: bytes,
    request: CheckoutRequest,
    *,
    record: CartRecord,
    priced: Priced,
) -> Order:
    lines = record.cart.lines
    arguments = (
        request.cart_id,
        record.version,
        key,
        fingerprint,
        secrets.token_urlsafe(16),
        secrets.token_hex(12),
        request.email,
        msgspec.json.encode(request.shipping_address).decode(),
        request.shipping_method,
        CURRENCY,
        priced.subtotal,
        priced.shipping,
        float(SETTLE_AFTER_SECONDS),
        [line.variant_id for line in lines],
        [line.quantity for line in lines],
        [line.price.amount for line in lines],
        [line.sku for line in lines],
        [f"{line.title} – {line.variant_title}" if line.variant_title else line.title for line in lines],
    )

    money = place_arguments(priced)

    async def carry(connection: Connection, allocation: inventory.Allocation) -> Order | None:
        claims = inventory.columns(allocation.claims, 3)
        moves = inventory.columns(allocation.moves, 4)
        placed: Order | None = await connection.fetchrow(queries.PLACE, *arguments, *claims, *moves, *money)
        return placed

    for attempt in range(1, DEADLOCK_ATTEMPTS + 1):
        try:
            order = await inventory.claim(database, record.demand, carry)
            break
        except inventory.OutOfStockError as error:
            now = await find_cart(database, request.cart_id)
            raise insufficient_stock((now.short if now else []) or lines) from error
        except asyncpg.UniqueViolationError as error:
            raise _as_problem(answers.in_flight()) from error
        except asyncpg.DeadlockDetectedError:
            if attempt == DEADLOCK_ATTEMPTS:
                raise
        except asyncpg.PostgresError as error:
            if error.sqlstate != BENEFIT_GONE:
                raise
            forget_promotions(database)
            raise total_changed() from error
    if order is None:
        raise Problem(
            409, "cart-changed", "The cart has changed", "Look at the cart and try again.", retry_after=1
        )
    known = {
        "token": arguments[4],
        "payment_reference": arguments[5],
        "total": priced.total,
        "due": priced.due,
        "currency": CURRENCY,
    }
    return {**order, **known}


async def _pay(shop: Shop, order: Order, choice: PaymentChoice | None) -> Answer:
    charge = make_charge(shop, order)
    if not charge.amount:
        return await _apply(shop, order, _nothing_due(order))
    if choice is None:
        raise AssertionError("an order with something to pay was placed without the means")
    try:
        payment = await shop.gateway.take(charge, choice.token, capture=shop.captures_at_order)
    except GatewayAway as error:
        log.warning("the gateway is away", order=order["number"], error=str(error), sent=error.sent)
        if not error.sent:
            return await _release(shop.database, order, "the gateway could not be reached")
        try:
            payment = await shop.gateway.cancel(charge)
        except GatewayAway:
            return answers.outcome_unknown()
        if payment.state is PaymentState.CANCELLED:
            return await _release(shop.database, order, "the gateway failed")
    return await _apply(shop, order, payment)


def _nothing_due(order: Order) -> Payment:
    """Gift cards pay all of it: the gateway is not asked."""
    reference = order["payment_reference"]
    return Payment(reference, reference, PaymentState.CAPTURED, 0, order["currency"])


async def _apply(shop: Shop, order: Order, payment: Payment) -> Answer:
    """Write down what the gateway said; when the order is settled already, give the answer that it has."""
    event = (
        order["id"],
        shop.gateway.name,
        f"{payment.id}:{payment.state}",
        payment.state,
        payment.amount,
        payment.id,
    )
    if payment.state.is_secured:
        if (payment.amount, payment.currency) != (order["due"], order["currency"]):
            log.error("the gateway secured another amount", order=order["number"], taken=payment.amount)
            return answers.outcome_unknown()
        answer = answers.confirmed(order)
        reason = "paid" if payment.state is PaymentState.CAPTURED else "authorized"
        arguments: tuple[Any, ...] = (*event, reason, 201, _encode(answer))
        statement = queries.CONFIRM
    elif payment.state is PaymentState.REQUIRES_ACTION:
        answer = answers.action_needed(order, payment.action_url or shop.public_url)
        arguments = (*event, payment.action_url, float(ACTION_SECONDS), 202, _encode(answer))
        statement = queries.AWAIT_ACTION
    else:
        answer = answers.declined(payment.reason)
        arguments = (*event, payment.reason or payment.state, 402, _encode(answer))
        statement = queries.FAIL
    settled = await _settle(shop.database, statement, *arguments)
    return answer if settled is not None else await _kept_answer(shop.database, order)


async def _release(database: Database, order: Order, reason: str) -> Answer:
    released = await _settle(database, queries.RELEASE, order["id"], reason)
    return answers.gateway_away() if released is not None else await _kept_answer(database, order)


async def _settle(database: Database, statement: str, *arguments: Any) -> Any:
    """Run one of the settling statements; a deadlock undoes it whole, so that it may be sent again."""
    for attempt in range(1, DEADLOCK_ATTEMPTS + 1):
        try:
            async with database.connection() as connection:
                return await connection.fetchval(statement, *arguments)
        except asyncpg.DeadlockDetectedError:
            if attempt == DEADLOCK_ATTEMPTS:
                raise
    raise AssertionError


async def _kept_answer(database: Database, order: Order) -> Answer:
    row = await database.fetchrow(queries.ANSWER, order["id"])
    if row is None:
        return answers.gateway_away()
    return _decode(row)


async def _repeat(shop: Shop, key: str, fingerprint: bytes) -> Answer | None:
    """The answer to a request whose key is known; None for a new key."""
    row = await shop.database.fetchrow(queries.KEY, key)
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        return answers.key_reused()
    if row["status"] not in (None, 202):
        return _decode(row)
    # Waiting for the shopper, who may have come back by another way than the return page; or left behind.
    waiting = _decode(row) if row["status"] else answers.in_flight()
    if not row["status"] and not row["abandoned"]:
        return waiting
    try:
        return await settle_order(shop, row["id"]) or waiting
    except GatewayAway:
        return waiting if row["status"] else answers.outcome_unknown()


def _as_problem(answer: Answer) -> Problem:
    document = answer.document
    slug = document["type"].removeprefix("/problems/")
    return Problem(answer.status, slug, document["title"], document["detail"], retry_after=answer.retry_after)


def _encode(answer: Answer) -> str:
    return msgspec.json.encode(answer.document).decode()


def _decode(row: Order) -> Answer:
    return Answer(row["status"], msgspec.json.decode(row["answer"]))
