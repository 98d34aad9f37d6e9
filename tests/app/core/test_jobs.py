"""What a dead worker left is taken up by a living one, and what one does not know is left to another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import asyncpg
import httpx
from procrastinate import App

from app import reconcile
from app.checkout.shop import Shop
from app.core.settings import Settings
from app.worker import make_queue
from tests.app.factories import check_out, fill_cart, make_variant

GONE = "SELECT NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = $1)"
PUT_BACK = "SELECT status = 'todo' AND scheduled_at > now() FROM procrastinate_jobs WHERE id = $1"


async def work_for(
    settings: Settings,
    shop: Shop,
    owner: asyncpg.Connection,
    until: str,
    job: int,
    *,
    tidy: bool = False,
    teach: Callable[[App], None] = lambda _: None,
) -> None:
    """A worker runs until that holds of the job; with `tidy` it looks for what dead ones left."""
    queue = make_queue(settings)
    teach(queue)
    async with queue.open_async():
        if tidy:
            await queue.configure_task("queue:retry_stalled").defer_async(timestamp=0)
        working = asyncio.create_task(
            queue.run_worker_async(
                install_signal_handlers=False, delete_jobs="successful", additional_context={"shop": shop}
            )
        )
        deadline = time.monotonic() + 20
        while not await owner.fetchval(until, job):
            assert time.monotonic() < deadline, await owner.fetch("SELECT * FROM procrastinate_jobs")
            await asyncio.sleep(0.2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_job_of_a_dead_worker_is_run_again(
    client: httpx.Client, owner: asyncpg.Connection, settings: Settings, shop: Shop
) -> None:
    number = check_out(client, fill_cart(client, (await make_variant(owner), 1))).json()["order"]["number"]
    order = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    dead = await owner.fetchval(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
    )
    job = await owner.fetchval(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id)"
        " VALUES ('payments', 'payments:settle_reported_order', jsonb_build_object('order_id', $1::bigint),"
        " 'doing', $2) RETURNING id",
        order,
        dead,
    )
    await work_for(settings, shop, owner, GONE, job, tidy=True)


async def test_a_job_of_a_newer_version_is_left_to_its_workers(
    owner: asyncpg.Connection, settings: Settings, shop: Shop
) -> None:
    """An old worker meets a job that the release under way has just deferred; then comes a new worker."""
    job = await owner.fetchval(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, lock, queueing_lock)"
        " VALUES ('payments', 'newer:task', '{}', 'order:1', 'one') RETURNING id"
    )
    await work_for(settings, shop, owner, PUT_BACK, job)
    row = await owner.fetchrow("SELECT * FROM procrastinate_jobs WHERE id = $1", job)
    assert (row["status"], row["attempts"], row["worker_id"], row["lock"]) == ("todo", 0, None, "order:1")
    await owner.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = $1", job)
    ran = []

    def teach(newer: App) -> None:
        @newer.task(name="newer:task", queue="payments")
        async def run() -> None:
            ran.append("once")

    await work_for(settings, shop, owner, GONE, job, teach=teach)
    assert ran == ["once"]


async def test_a_job_that_no_worker_ever_knows_is_told_of(
    owner: asyncpg.Connection, settings: Settings, shop: Shop
) -> None:
    job = await owner.fetchval(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('payments', 'lost:task', '{}')"
        " RETURNING id"
    )
    await work_for(settings, shop, owner, PUT_BACK, job)
    assert await reconcile.check(owner) == 0
    await owner.execute(
        "UPDATE procrastinate_events SET at = now() - interval '2 hours' WHERE job_id = $1", job
    )
    assert await reconcile.check(owner) == 1
    await owner.execute("DELETE FROM procrastinate_jobs WHERE id = $1", job)
    assert await reconcile.check(owner) == 0
