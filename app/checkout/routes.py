"""The checkout's API."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter
from litestar.types import ControllerRouterHandler

from app.checkout import pages, service
from app.checkout.answers import Answer
from app.checkout.forms import CheckoutRequest
from app.checkout.shop import Shop
from app.core.money import Money
from app.core.problems import Problem


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


class ProblemDocument(msgspec.Struct):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


IdempotencyKey = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", description="Yours, 1 to 200 printable characters")
]


@post(
    "/api/v1/checkouts",
    tags=["checkout"],
    responses={
        201: ResponseSpec(CheckoutDone, description="The order stands and is paid"),
        202: ResponseSpec(CheckoutWaiting, description="The shopper must approve the payment"),
        402: ResponseSpec(
            ProblemDocument, description="The payment was declined", media_type="application/problem+json"
        ),
        409: ResponseSpec(
            ProblemDocument,
            description="Not enough stock, key used otherwise, or still at work",
            media_type="application/problem+json",
        ),
        422: ResponseSpec(
            ProblemDocument, description="Faulty fields", media_type="application/problem+json"
        ),
        503: ResponseSpec(
            ProblemDocument, description="The payment service is away", media_type="application/problem+json"
        ),
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


def check_key(key: str | None) -> str:
    """Return the key. Raises Problem when it is missing or cannot be one."""
    if not key:
        detail = "Send the header Idempotency-Key with a value of your own, new for each order."
        raise Problem(400, "idempotency-key-missing", "Idempotency-Key is missing", detail)
    if len(key) > 200 or not key.isascii() or not key.isprintable():
        detail = "Idempotency-Key must be 1 to 200 printable ASCII characters."
        raise Problem(400, "idempotency-key-invalid", "Idempotency-Key is not valid", detail)
    return key


def respond(answer: Answer) -> Response[Any]:
    """The answer over HTTP; byte for byte the same each time."""
    return Response(
        msgspec.json.encode(answer.document),
        status_code=answer.status,
        media_type=answer.media_type,
        headers=answer.headers,
    )


routes: list[ControllerRouterHandler] = [check_out, *pages.routes]
