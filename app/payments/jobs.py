"""Jobs on payments."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext, RetryStrategy

from app.checkout.service import settle_order
from app.checkout.shop import Shop
from app.payments.ports import GatewayAway

blueprint = Blueprint()


@blueprint.task(
    name="settle_reported_order",
    queue="payments",
    pass_context=True,
    retry=RetryStrategy(max_attempts=8, exponential_wait=2, retry_exceptions={GatewayAway}),
)
async def settle_reported_order(context: JobContext, order_id: int) -> None:
    """The gateway reported a payment of this order: ask it, rather than trust the order of reports."""
    shop: Shop = context.additional_context["shop"]
    await settle_order(shop, order_id)
