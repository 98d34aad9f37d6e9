"""Jobs on the catalogue."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from app.catalog.service import look_at_stock
from app.checkout.shop import Shop

blueprint = Blueprint()


@blueprint.periodic(cron="*/2 * * * *")
@blueprint.task(name="look_at_stock", queue="housekeeping", queueing_lock="look_at_stock", pass_context=True)
async def look_at_listed_stock(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Lists sort and filter by stock as it was a few minutes ago; what they show of a product is of now."""
    shop: Shop = context.additional_context["shop"]
    await look_at_stock(shop.database)
