"""Jobs on payments."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext, RetryStrategy

from app.checkout.service import settle_order
from app.checkout.shop import Shop
from app.payments.ports import GatewayAway
from app.payments.service import settle_due_operations

log = structlog.get_logger()

blueprint = Blueprint()


@blueprint.periodic(cron="* * * * * */10")
@blueprint.task(
    name="settle_due_operations",
    queue="payments",
    queueing_lock="settle_due_operations",
    pass_context=True,
)
async def settle_due(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Finish captures, refunds and voids whose outcome is not known."""
    shop: Shop = context.additional_context["shop"]
    claimed = await settle_due_operations(shop)
    if claimed:
        log.info("payment operations settled", claimed=claimed)


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
