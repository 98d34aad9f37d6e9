"""Jobs of the API."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from app.api import queries
from app.api.idempotency import KEEP_DAYS
from app.checkout.shop import Shop

blueprint = Blueprint()


@blueprint.periodic(cron="37 * * * *")
@blueprint.task(
    name="forget_answers", queue="housekeeping", queueing_lock="forget_answers", pass_context=True
)
async def forget_answers(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Delete the answers that nobody will ask for again."""
    shop: Shop = context.additional_context["shop"]
    await shop.database.execute(queries.DELETE_OLD, KEEP_DAYS)
