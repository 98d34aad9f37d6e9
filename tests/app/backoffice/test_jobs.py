"""Jobs that failed are seen, and run again on demand; the first page counts what waits."""

from __future__ import annotations

import asyncpg

from app.backoffice.roles import Role
from app.core.database import Database
from tests.app.backoffice.people import hire
from tests.app.factories import make_variant
from tests.app.processes import Process

FAILED = """
INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, status, attempts)
VALUES ('test', $1, $2, 'failed', 1) RETURNING id
"""


async def test_a_failed_job_is_run_again_once(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    job = await owner.fetchval(FAILED, "test:broken", None)
    assert f"/jobs/{job}/retry" in ada.page("/jobs")
    assert ada.send(f"/jobs/{job}/retry").status_code == 303
    assert await owner.fetchval("SELECT status::text FROM procrastinate_jobs WHERE id = $1", job) == "todo"
    assert ada.send(f"/jobs/{job}/retry").status_code == 409
    assert ada.send("/jobs/987654321/retry").status_code == 404
    rows = await owner.fetch("SELECT after FROM audit_log WHERE object = $1", f"job:{job}")
    assert len(rows) == 1, "what was refused is not in the log as done"
    await owner.execute("DELETE FROM procrastinate_jobs WHERE id = $1", job)


async def test_a_job_whose_like_waits_already_is_not_run_twice(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    failed = await owner.fetchval(FAILED, "test:tidy", "test:tidy")
    waiting = await owner.fetchval(FAILED, "test:tidy", "test:tidy")
    await owner.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE id = $1", waiting)
    answer = ada.send(f"/jobs/{failed}/retry")
    assert answer.status_code == 409
    assert "waits already" in answer.text
    await owner.execute("DELETE FROM procrastinate_jobs WHERE id = ANY ($1)", [failed, waiting])


async def test_the_first_page_shows_what_runs_short_and_only_what_the_role_may_see(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada, sam = await hire(database, web.url), await hire(database, web.url, Role.SUPPORT, name="Sam")
    variant = await make_variant(owner, stock=0)
    sku = await owner.fetchval("SELECT sku FROM variants WHERE id = $1", variant)
    page = ada.page("/")
    assert "Failed jobs" in page
    assert "Below 5 units" in page
    assert "Failed jobs" not in sam.page("/")
    assert sku in ada.page(f"/products?q={sku}")
