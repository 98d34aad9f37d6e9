"""Jobs on stock."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext

from app.checkout.shop import Shop
from app.inventory import service

log = structlog.get_logger()

blueprint = Blueprint()


# The sixth field counts seconds.
@blueprint.periodic(cron="* * * * * */10")
@blueprint.task(name="tend_stock", queue="housekeeping", queueing_lock="tend_stock", pass_context=True)
async def tend_stock(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Give back what expired holds have, and lay out the stock of hot items."""
    shop: Shop = context.additional_context["shop"]
    expired = await service.expire(shop.database)
    if expired:
        log.info("holds have expired", holds=expired)
    await service.tend(shop.database)
