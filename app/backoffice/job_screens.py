"""Jobs of the queue: what failed, and running it again."""

from __future__ import annotations

from enum import StrEnum

import asyncpg
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice import queries
from app.backoffice.frame import Area, Clerk, Page, back, changes, reads, show
from app.core.database import Database
from app.core.problems import NotFound, Problem


class Status(StrEnum):
    """The queue's own states, those worth looking at first."""

    FAILED = "failed"
    DOING = "doing"
    TODO = "todo"


@get("/jobs", opt=reads(Area.JOBS))
async def list_jobs(
    clerk: Clerk, database: Database, status: Status = Status.FAILED, page: int = 1
) -> Response[bytes]:
    rows = await database.fetch(queries.JOBS, status.value, *Page.window(page))
    counts = {row["status"]: row["jobs"] for row in await database.fetch(queries.COUNT_JOBS)}
    context = {"rows": Page.cut(rows, page), "status": status, "statuses": list(Status), "counts": counts}
    return show(clerk, "backoffice/jobs.html", context)


@post("/jobs/{job:int}/retry", opt=changes(Area.JOBS))
async def retry_job(clerk: Clerk, job: int) -> Response[bytes]:
    """Give a failed job to the workers again, from now on."""
    async with clerk.change("job.retry", f"job:{job}") as change:
        row = await change.connection.fetchrow(queries.JOB, job)
        if row is None:
            raise NotFound(f"There is no job {job}.")
        change.before, change.after = dict(row), {**dict(row), "status": "todo"}
        try:
            retried = await change.connection.fetch(queries.RETRY_JOB, job)
        except asyncpg.UniqueViolationError as error:
            detail = f"Another {row['task_name']} waits already; only one of them may."
            raise Problem(409, "waits-already", "Not needed", detail) from error
        if not retried:
            raise Problem(
                409, "not-failed", "Not failed", f"Job {job} is {row['status']}, so it is not run again."
            )
    return back("/jobs", f"Job {job} will run again.")


routes: list[ControllerRouterHandler] = [list_jobs, retry_job]
