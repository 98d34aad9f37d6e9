"""The job that prepares and keeps what was uploaded."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext, RetryStrategy

from app.checkout.shop import Shop
from app.media import service
from app.media.ports import MediaStore

log = structlog.get_logger()

blueprint = Blueprint()


@blueprint.task(
    name="keep_upload",
    queue="media",
    pass_context=True,
    # For a bucket that is away: over half an hour, then staff may run it again.
    retry=RetryStrategy(max_attempts=10, exponential_wait=2),
)
async def keep_upload(context: JobContext, upload_id: int) -> None:
    """Keep an uploaded picture and add it to its product."""
    shop: Shop = context.additional_context["shop"]
    media: MediaStore | None = context.additional_context["media"]
    if media is None:
        raise OSError("there is no place for pictures: set MEDIA_ROOT or MEDIA_BUCKET")
    await service.keep(shop.database, media, upload_id)
    log.info("upload settled", upload=upload_id)
