"""Where the gateway reports payments to."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from litestar import Request, Response, post
from litestar.params import HeaderParameter
from litestar.types import ControllerRouterHandler

from app.checkout.shop import Shop
from app.core.problems import Problem
from app.payments.ports import BadWebhook
from app.payments.service import record_reports

log = structlog.get_logger()

Signature = Annotated[
    str, HeaderParameter(name="Gateway-Signature", description="t=<unix time>,v1=<HMAC-SHA256>")
]


@post("/api/v1/webhooks/test-gateway", tags=["webhooks"], status_code=204, opt={"problems": ("bad-webhook",)})
async def receive_report(
    request: Request[Any, Any, Any], shop: Shop, signature: Signature = ""
) -> Response[None]:
    """Signed batches of payment events, from the test gateway alone."""
    return await _receive(request, shop, "test-gateway", "Gateway-Signature", signature)


StripeSignature = Annotated[
    str, HeaderParameter(name="Stripe-Signature", description="As Stripe's own documents tell")
]


@post("/api/v1/webhooks/stripe", tags=["webhooks"], status_code=204, opt={"problems": ("bad-webhook",)})
async def receive_stripe_event(
    request: Request[Any, Any, Any], shop: Shop, signature: StripeSignature = ""
) -> Response[None]:
    """Signed events, from Stripe alone."""
    return await _receive(request, shop, "stripe", "Stripe-Signature", signature)


async def _receive(
    request: Request[Any, Any, Any], shop: Shop, gateway: str, header: str, signature: str
) -> Response[None]:
    try:
        if shop.gateway.name != gateway:
            raise BadWebhook(f"the store uses {shop.gateway.name}")
        reports = shop.gateway.read_webhook(signature, await request.body())
    except BadWebhook as error:
        log.warning("webhook refused", reason=str(error))
        raise Problem(400, "bad-webhook", "The webhook is refused", f"{header}: {error}.") from error
    async with shop.database.connection() as connection:
        known = await record_reports(connection, shop.gateway.name, reports)
    if known < len(reports):
        log.warning("webhook of unknown payments", unknown=len(reports) - known)
    return Response(None, status_code=204)


routes: list[ControllerRouterHandler] = [receive_report, receive_stripe_event]
