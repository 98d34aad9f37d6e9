"""What a dead worker left is taken up by a living one."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import httpx

from app.checkout.shop import Shop
from app.core.settings import Settings
from app.worker import make_queue
from tests.app.factories import check_out, fill_cart, make_variant


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
    queue = make_queue(settings)
    async with queue.open_async():
        await queue.configure_task("queue:retry_stalled").defer_async(timestamp=0)
        working = asyncio.create_task(
            queue.run_worker_async(
                install_signal_handlers=False, delete_jobs="successful", additional_context={"shop": shop}
            )
        )
        deadline = time.monotonic() + 20
        while await owner.fetchval("SELECT count(*) FROM procrastinate_jobs WHERE id = $1", job):
            assert time.monotonic() < deadline, await owner.fetch("SELECT * FROM procrastinate_jobs")
            await asyncio.sleep(0.2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
