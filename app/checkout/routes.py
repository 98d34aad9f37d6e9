"""The checkout's API."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ControllerRouterHandler

from app.api.idempotency import IdempotencyKey, check_key
from app.checkout import pages, service
from app.checkout.answers import Answer
from app.checkout.forms import CheckoutRequest
from app.checkout.shop import Shop
from app.core.money import Money


class PlacedOrder(msgspec.Struct):
    """The order as its checkout answers it; `token` gives access to it."""

    number: str
    state: str
    total: Money
    token: str


class CheckoutDone(msgspec.Struct):
    """The order stands and is paid."""

    order: PlacedOrder


class NextAction(msgspec.Struct):
    """Where the shopper must go."""

    type: str
    url: str


class CheckoutWaiting(msgspec.Struct):
    """The shopper must approve the payment at `next_action.url`; then the same key answers the order."""

    order: PlacedOrder
    next_action: NextAction


_ORDER = {"number": "$response.body#/order/number", "query.token": "$response.body#/order/token"}
LINKS = {"show_order": {"operationId": "show_order", "parameters": _ORDER}}
PROBLEMS = (
    "payment-declined",
    "oversized",
    "code-refused",
    "total-changed",
    "insufficient-stock",
    "cart-changed",
    "cart-ordered",
    "checkout-in-progress",
    "payment-unavailable",
    "payment-unknown",
)


@post(
    "/api/v1/checkouts",
    tags=["checkout"],
    opt={"problems": PROBLEMS, "location": True, "links": LINKS},
    responses={
        201: ResponseSpec(CheckoutDone, description="The order stands and is paid"),
        202: ResponseSpec(CheckoutWaiting, description="The shopper must approve the payment"),
    },
)
async def check_out(
    shop: Shop,
    data: CheckoutRequest,
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Order what the cart holds. The same key and body give the same answer; no key makes two orders."""
    key = check_key(idempotency_key)
    return respond(await service.check_out(shop, key, data))


def respond(answer: Answer) -> Response[Any]:
    """The answer over HTTP; byte for byte the same each time."""
    return Response(
        msgspec.json.encode(answer.document),
        status_code=answer.status,
        media_type=answer.media_type,
        headers=answer.headers,
    )


routes: list[ControllerRouterHandler] = [check_out, *pages.routes]
