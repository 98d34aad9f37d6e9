"""Jobs of checkout: what crashed or was abandoned is finished or released."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext

from app.checkout.service import settle_due_orders
from app.checkout.shop import Shop

log = structlog.get_logger()

blueprint = Blueprint()


# The sixth field counts seconds: an order left behind is settled within a minute of its crash.
@blueprint.periodic(cron="* * * * * */10")
@blueprint.task(
    name="settle_due_orders", queue="payments", queueing_lock="settle_due_orders", pass_context=True
)
async def settle_due(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Settle pending orders whose time has come: expired reservations, crashed requests, lost reports."""
    shop: Shop = context.additional_context["shop"]
    claimed = await settle_due_orders(shop)
    if claimed:
        log.info("pending orders settled", claimed=claimed)
