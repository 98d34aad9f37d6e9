"""The worker: runs jobs from PostgreSQL, on a direct connection, and answers health checks on PORT.

It starts while the database is down and comes back by itself after each outage. On SIGTERM it finishes its
jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Response, get
from procrastinate import App, PsycopgConnector

from app.api.jobs import blueprint as api_jobs
from app.cart.jobs import blueprint as cart_jobs
from app.catalog.jobs import blueprint as catalog_jobs
from app.checkout.jobs import blueprint as checkout_jobs
from app.checkout.shop import Shop
from app.core.database import Database, open_direct
from app.core.jobs import ModestManager
from app.core.jobs import blueprint as queue_jobs
from app.core.settings import Settings
from app.inventory.jobs import blueprint as inventory_jobs
from app.media.adapters import make_media
from app.media.jobs import blueprint as media_jobs
from app.orders.jobs import blueprint as order_jobs
from app.orders.mails import Mailer
from app.payments.adapters import make_gateway
from app.payments.jobs import blueprint as payment_jobs
from app.shipping.adapters import make_carrier
from app.shipping.jobs import blueprint as shipping_jobs
from app.shipping.service import TableRates
from app.web import configure_server

log = structlog.get_logger()

CONCURRENCY = 4
POLL_SECONDS = 5.0
RESTART_SECONDS = 3.0
# Shorter than the time until the engine kills.
STOP_SECONDS = 20.0


def make_queue(settings: Settings) -> App:
    """The procrastinate application with every package's jobs; once per process: it renames their tasks."""
    credential = settings.secrets.database_credential

    def options() -> dict[str, Any]:
        # Few connections, each of which may be the first after the password was replaced.
        return {"connect_timeout": 5} | ({"password": credential.newest()} if credential else {})

    connector = PsycopgConnector(
        conninfo=settings.database_direct_dsn,
        kwargs=options,
        min_size=1,
        max_size=CONCURRENCY + 2,
    )
    queue = App(connector=connector)
    queue.job_manager = ModestManager(connector, queue)
    queue.add_tasks_from(queue_jobs, namespace="queue")
    queue.add_tasks_from(api_jobs, namespace="api")
    queue.add_tasks_from(cart_jobs, namespace="cart")
    queue.add_tasks_from(catalog_jobs, namespace="catalog")
    queue.add_tasks_from(checkout_jobs, namespace="checkout")
    queue.add_tasks_from(inventory_jobs, namespace="inventory")
    queue.add_tasks_from(media_jobs, namespace="media")
    queue.add_tasks_from(order_jobs, namespace="orders")
    queue.add_tasks_from(payment_jobs, namespace="payments")
    queue.add_tasks_from(shipping_jobs, namespace="shipping")
    return queue


async def run(settings: Settings) -> None:
    """Work until SIGTERM."""
    gateway = make_gateway(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with open_direct(settings) as database:
        carrier = make_carrier(settings)
        at_order = settings.payment_capture == "order"
        shop = Shop(database, gateway, TableRates(database), settings.public_url, carrier, at_order)
        # On SIGTERM the server ends first, and passes the signal on to the handler above.
        server = uvicorn.Server(configure_server(_health_app(database), settings.port))
        answering = asyncio.create_task(server.serve())
        context = {"shop": shop, "mailer": Mailer.of(settings), "media": make_media(settings)}
        await _work(make_queue(settings), context, stopping)
        server.should_exit = True
        await answering
    await gateway.close()


async def _work(queue: App, context: dict[str, Any], stopping: asyncio.Event) -> None:
    """Run jobs; start over after each fault of the queue's connection."""
    while not stopping.is_set():
        working = asyncio.create_task(_work_once(queue, context))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stopping.is_set():
            # procrastinate takes a cancellation as the wish to finish the jobs at hand.
            working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            log.info("worker stopped")
        except Exception as error:
            log.warning("the queue is away; trying again", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), RESTART_SECONDS)


async def _work_once(queue: App, context: dict[str, Any]) -> None:
    async with queue.open_async():
        log.info("worker started")
        await queue.run_worker_async(
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL_SECONDS,
            install_signal_handlers=False,
            shutdown_graceful_timeout=STOP_SECONDS,
            delete_jobs="successful",
            additional_context=context,
        )


def _health_app(database: Database) -> Litestar:
    @get("/health/live", sync_to_thread=False)
    def show_live() -> dict[str, str]:
        return {"state": "live"}

    @get("/health/ready")
    async def show_ready() -> Response[dict[str, str]]:
        try:
            await database.fetchval("SELECT 1")
        except Exception as error:
            return Response({"state": "unready", "detail": str(error)}, status_code=503)
        return Response({"state": "ready"})

    return Litestar([show_live, show_ready], openapi_config=None, logging_config=None)
