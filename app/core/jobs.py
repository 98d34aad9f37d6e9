"""Jobs on the queue itself."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext

log = structlog.get_logger()

blueprint = Blueprint()

# Failed jobs are kept for somebody to look at them; successful ones are deleted at once.
KEEP_FAILED_HOURS = 30 * 24


@blueprint.periodic(cron="*/2 * * * *")
@blueprint.task(name="retry_stalled", queue="housekeeping", queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Give the jobs of a worker that died to one that lives."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        await manager.retry_job(job)
        log.warning("a stalled job is run again", job=job.task_name)
    await manager.delete_old_jobs(nb_hours=KEEP_FAILED_HOURS, include_failed=True)
