"""Payments of orders for other systems: what was taken, given back, or refused; to take and to give back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ControllerRouterHandler

from app.api.conditions import answer_tagged
from app.api.idempotency import Answer, IdempotencyKey, key_for, run_once_apart
from app.api.kinds import Moment, Name, Price
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.money import Money
from app.core.problems import NotFound, Problem
from app.keys.guards import needs
from app.keys.service import Scope
from app.orders.service import find_order
from app.payments import queries, service

Asked = Request[Any, Any, Any]
TAG = "manage payments"
PROBLEMS = ("other-gateway", "payment-unknown")


class PaymentEvent(msgspec.Struct):
    """A fact that the gateway told; facts never change, later ones come after."""

    id: int
    gateway: str
    kind: str
    amount: Money
    payment_id: str
    received_at: Moment


class PaymentEvents(msgspec.Struct):
    """Every fact on the payments of an order, oldest first."""

    items: list[PaymentEvent]


@get(
    "/api/v1/admin/orders/{number:str}/payments",
    tags=[TAG],
    responses={200: ResponseSpec(PaymentEvents, description="The facts")},
    opt={"etag": True},
    **needs(Scope.PAYMENTS_READ),
)
async def list_payments(request: Asked, database: Database, number: str) -> Response[bytes]:
    """What the gateway told of an order's payments: authorized, captured, refunded, declined."""
    order = await find_order(database, number)
    events = [
        PaymentEvent(
            row["id"],
            row["gateway"],
            row["kind"],
            Money(row["amount"], row["currency"]),
            row["payment_id"],
            row["received_at"],
        )
        for row in await database.fetch(queries.EVENTS, order.number)
    ]
    return answer_tagged(request, msgspec.json.encode(PaymentEvents(events)))


class NewCapture(msgspec.Struct, forbid_unknown_fields=True):
    """How much of what is authorized to take."""

    amount: Price


class NewRefund(msgspec.Struct, forbid_unknown_fields=True):
    """How much of what was captured to give back, and why."""

    amount: Price
    reason: Annotated[Name, msgspec.Meta(examples=["damaged on the way"])]


class PaymentOperation(msgspec.Struct):
    """A capture or refund; one that is `failed` has a `failure` in the gateway's words."""

    kind: Annotated[str, msgspec.Meta(examples=["refund"])]
    state: Annotated[str, msgspec.Meta(examples=["done"])]
    amount: Money
    reason: str
    failure: Annotated[str | None, msgspec.Meta(examples=[None])]
    created_at: Moment


@post(
    "/api/v1/admin/orders/{number:str}/captures",
    tags=[TAG],
    responses={201: ResponseSpec(PaymentOperation, description="What was taken")},
    opt={"problems": ("capture-too-large", *PROBLEMS)},
    **needs(Scope.PAYMENTS_WRITE),
)
async def capture_payment(
    request: Asked,
    shop: Shop,
    number: str,
    data: NewCapture,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once_apart; named for the document
) -> Response[bytes]:
    """Take so much of what the order's payment has authorized."""

    async def work() -> Answer:
        order_id = await _find(shop.database, number)
        return _answer(await service.capture(shop, order_id, data.amount.amount, key_for(request)))

    return await run_once_apart(request, shop.database, work)


@post(
    "/api/v1/admin/orders/{number:str}/refunds",
    tags=[TAG],
    responses={201: ResponseSpec(PaymentOperation, description="What was given back")},
    opt={"problems": ("refund-too-large", *PROBLEMS)},
    **needs(Scope.PAYMENTS_WRITE),
)
async def refund_payment(
    request: Asked,
    shop: Shop,
    number: str,
    data: NewRefund,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Give so much of what was captured back to the buyer."""

    async def work() -> Answer:
        order_id = await _find(shop.database, number)
        amount = data.amount.amount
        return _answer(await service.refund(shop, order_id, amount, data.reason, key_for(request)))

    return await run_once_apart(request, shop.database, work)


async def _find(database: Database, number: str) -> int:
    order_id = None if "\0" in number else await database.fetchval(queries.ORDER_ID, number)
    if order_id is None:
        raise NotFound(f"There is no order {number!r}.")
    return int(order_id)


def _answer(operation: service.Operation) -> Answer:
    if operation.state == "pending":
        # Not kept as the key's answer: repeated, the request tells how it ended.
        detail = "The payment service has not answered yet. Repeat the request with the same key."
        raise Problem(503, "payment-unknown", "Payment is being checked", detail, retry_after=5)
    shown = PaymentOperation(
        operation.kind,
        operation.state,
        Money(operation.amount),
        operation.reason,
        operation.failure,
        operation.created_at,
    )
    return Answer(shown, 201)


routes: list[ControllerRouterHandler] = [list_payments, capture_payment, refund_payment]
