"""The ASGI application: mounts each package's routes, lends them database and cache, answers errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp, ControllerRouterHandler

from app.api.bodies import StrictRequest
from app.api.document import DocumentPlugin
from app.api.layer import NegotiationLayer
from app.backoffice.hosts import Hosts
from app.backoffice.limits import Limits
from app.backoffice.sessions import Sessions, connect
from app.backoffice.site import Keeper, make_site
from app.checkout.shop import Shop
from app.core import health, templating
from app.core.cache import Cache
from app.core.database import Database
from app.core.problems import Problem, answer_fault, answer_http, answer_problem
from app.core.requests import RequestLayer, content_policy
from app.core.settings import Settings
from app.payments.adapters import PAYMENT_PAGE, make_gateway
from app.shipping.adapters import make_carrier, make_rates
from app.website import layout

log = structlog.get_logger()

# Each has `routes.py` with the list `routes`.
PACKAGES = ("website", "api", "catalog", "cart", "checkout", "payments", "orders", "shipping")

# The balancer keeps idle connections for less; whoever closes first must not be this side (a reset request).
KEEP_ALIVE_SECONDS = 75
# Longer than any answer takes, shorter than the time until the engine kills.
STOP_SECONDS = 20


# Modules with `routes` for other systems, by key.
MANAGED = (
    "catalog.management",
    "inventory.management",
    "orders.management",
    "orders.handling",
    "payments.management",
    "promotions.management",
    "giftcards.management",
)


def collect_routes() -> list[ControllerRouterHandler]:
    """Every package's routes, in the order of PACKAGES."""
    modules = [f"app.{package}.routes" for package in PACKAGES]
    modules += [f"app.{module}" for module in MANAGED]
    return [route for module in modules for route in import_module(module).routes]


def make_app(settings: Settings) -> ASGIApp:
    """Build the store on these settings. Nothing is connected before the application starts."""
    secrets = settings.secrets
    database = Database(settings.database_dsn, credential=secrets.database_credential)
    cache = Cache(settings.cache_dsn, secrets.cache_credential)
    # Not the cache: what cannot be guessed has no fallback.
    staff_redis = connect(settings.cache_dsn, secrets.cache_credential)
    gateway = make_gateway(settings)
    carrier = make_carrier(settings)
    rates = make_rates(settings, database, cache, carrier)
    payment_page = PAYMENT_PAGE if settings.payment_gateway == "stripe" else ""
    at_order = settings.payment_capture == "order"
    shop = Shop(database, gateway, rates, settings.public_url, carrier, at_order)
    templating.set_globals(
        {
            "public_url": lambda path="/": f"{settings.public_url}{path}",
            **layout.template_globals(settings),
        }
    )

    @asynccontextmanager
    async def connections(_app: Litestar) -> AsyncIterator[None]:
        await database.open()
        fresh = asyncio.create_task(layout.keep_fresh(database, cache))
        try:
            yield
        finally:
            fresh.cancel()
            await gateway.close()
            await staff_redis.aclose()
            await cache.close()
            await database.close()

    async def lend_database() -> Database:
        return database

    async def lend_cache() -> Cache:
        return cache

    async def lend_settings() -> Settings:
        return settings

    async def lend_shop() -> Shop:
        return shop

    lent = {
        "database": Provide(lend_database, use_cache=True),
        "cache": Provide(lend_cache, use_cache=True),
        "settings": Provide(lend_settings, use_cache=True),
        "shop": Provide(lend_shop, use_cache=True),
    }
    app = Litestar(
        route_handlers=[Router("/", route_handlers=[*health.routes, *collect_routes()])],
        dependencies=lent,
        # For guards, which are lent no dependencies.
        state=State({"database": database, "cache": cache}),
        lifespan=[connections],
        exception_handlers={Problem: answer_problem, HTTPException: answer_http, Exception: answer_fault},
        openapi_config=OpenAPIConfig(
            title="Store API",
            version="1",
            # A path of its own: the framework answers what it does not know under it with a page.
            path="/api/v1/openapi.json",
            render_plugins=[DocumentPlugin()],
        ),
        request_class=StrictRequest,
        request_max_body_size=64 * 1024,
        logging_config=None,
    )
    store = RequestLayer(
        NegotiationLayer(app),
        public_url=settings.public_url,
        policy=content_policy(settings.media_url, payment_page),
    )
    if settings.back_office_url is None:
        return store
    keeper = Keeper(Sessions(staff_redis), Limits(staff_redis), settings)
    return Hosts(store, make_site(settings, keeper, lent, database), settings.back_office_url)


def run(settings: Settings) -> None:
    """Serve until SIGTERM; then finish the requests at hand and return."""
    uvicorn.Server(configure_server(make_app(settings), settings.port)).run()


def configure_server(app: Any, port: int) -> uvicorn.Config:
    """What every server of the store shares: the fast loop and parser, one process per container.

    No access log: it would hold queries, and so tokens; the edge keeps one.
    """
    return uvicorn.Config(
        app,
        host="0.0.0.0",  # noqa: S104  # inside its container; the networks decide who gets here
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
