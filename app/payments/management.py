"""Payments of orders for other systems: what was taken, given back, or refused."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ControllerRouterHandler

from app.api.conditions import answer_tagged
from app.api.kinds import Moment
from app.core.database import Database
from app.core.money import Money
from app.keys.guards import needs
from app.keys.service import Scope
from app.orders.service import find_order
from app.payments import queries

Asked = Request[Any, Any, Any]
TAG = "manage payments"


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


routes: list[ControllerRouterHandler] = [list_payments]
