"""Jobs on carts."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from app.cart.service import delete_stale_carts
from app.checkout.shop import Shop

blueprint = Blueprint()


@blueprint.periodic(cron="17 * * * *")
@blueprint.task(
    name="delete_stale_carts", queue="housekeeping", queueing_lock="delete_stale_carts", pass_context=True
)
async def forget_carts(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Delete carts that nobody came back to."""
    shop: Shop = context.additional_context["shop"]
    await delete_stale_carts(shop.database)
