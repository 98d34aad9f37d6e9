"""Jobs of checkout: what crashed or was abandoned is finished or released."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext

from app.checkout.service import Checkout, settle_due_orders

log = structlog.get_logger()

blueprint = Blueprint()


# The sixth field counts seconds: an order left behind is settled within a minute of its crash.
@blueprint.periodic(cron="* * * * * */10")
@blueprint.task(name="settle_due_orders", queue="payments", queueing_lock="settle_due_orders", pass_context=True)
async def settle_due(context: JobContext, timestamp: int) -> None:
    """Settle pending orders whose time has come: expired reservations, crashed requests, lost reports."""
    shop: Checkout = context.additional_context["shop"]
    claimed = await settle_due_orders(shop)
    if claimed:
        log.info("pending orders settled", claimed=claimed)
