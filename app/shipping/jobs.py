"""Jobs on parcels."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from app.checkout.shop import Shop
from app.shipping.shipments import finish_all

blueprint = Blueprint()


@blueprint.periodic(cron="* * * * *")
@blueprint.task(name="finish_labels", queue="shipping", queueing_lock="finish_labels", pass_context=True)
async def finish_labels(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Buy the labels that a crash or an outage of the carrier left unbought."""
    shop: Shop = context.additional_context["shop"]
    if shop.carrier is not None:
        await finish_all(shop.database, shop.carrier)
