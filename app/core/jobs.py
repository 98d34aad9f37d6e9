"""The queue itself: jobs of versions that this one does not know, and what workers that died left behind."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from procrastinate import App, Blueprint, JobContext
from procrastinate.connector import BaseAsyncConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from app.core import job_queries as queries

log = structlog.get_logger()

blueprint = Blueprint()

# Failed jobs are kept for somebody to look at them; successful ones are deleted at once.
KEEP_FAILED_HOURS = 30 * 24
# A release replaces the workers within a minute or two; each try leaves two rows in the queue's history.
UNKNOWN_SECONDS = 15


class ModestManager(JobManager):
    """Leaves a job that this version has no task for to a worker that knows it.

    While a release is under way the old workers run beside what the new version defers, and after a rollback
    the other way round. Such a job is put back as it was: it uses up no attempt.
    """

    def __init__(self, connector: BaseAsyncConnector, app: App) -> None:
        super().__init__(connector)
        self._app = app

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        while (job := await super().fetch_job(queues, worker_id)) is not None:
            if job.task_name in self._app.tasks:
                return job
            log.warning("a job of another version is left to its workers", job=job.task_name)
            await self.connector.execute_query_async(queries.PUT_BACK, id=job.id, seconds=UNKNOWN_SECONDS)
        return None


@blueprint.periodic(cron="*/2 * * * *")
@blueprint.task(name="retry_stalled", queue="housekeeping", queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Give the jobs of a worker that died to one that lives."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        await manager.retry_job(job)
        log.warning("a stalled job is run again", job=job.task_name)
    await manager.delete_old_jobs(nb_hours=KEEP_FAILED_HOURS, include_failed=True)
