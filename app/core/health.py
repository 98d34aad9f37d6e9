"""The routes of the container contract: live, ready, info, topology, metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import redis.exceptions
from litestar import MediaType, Response, get
from litestar.types import ControllerRouterHandler

from app.checkout.shop import Shop
from app.core import metrics
from app.core.cache import Cache
from app.core.database import Database
from app.core.problems import Problem
from app.core.settings import Settings
from app.payments.breaker import Breaker
from app.payments.ports import GatewayAway

PROBE_SECONDS = 2.0
_PRIVATE = {"Cache-Control": "no-store"}


@get("/health/live", include_in_schema=False)
async def show_live() -> Response[dict[str, str]]:
    """The process runs. Nothing else is asked: a restart would not mend a database."""
    return Response({"state": "live"}, headers=_PRIVATE)


@get("/health/ready", include_in_schema=False)
async def show_ready(database: Database) -> Response[dict[str, str]]:
    """The store can serve: the database answers through the pooler and holds the store's schema."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await database.fetchval("SELECT version_num FROM alembic_version LIMIT 1")
    except Exception as error:
        detail = error.detail if isinstance(error, Problem) else repr(error)
        return Response(
            {"state": "unready", "detail": detail}, status_code=503, headers={**_PRIVATE, "Retry-After": "1"}
        )
    return Response({"state": "ready"}, headers=_PRIVATE)


@get("/info", include_in_schema=False)
async def show_info(settings: Settings) -> Response[dict[str, str]]:
    """Which version answers, from which image, in which container."""
    return Response(
        {"version": settings.version, "image": settings.image, "replica": settings.replica}, headers=_PRIVATE
    )


@get("/topology", include_in_schema=False)
async def show_topology(database: Database, cache: Cache, shop: Shop) -> Response[dict[str, Any]]:
    """The state of every dependency, each probed now."""
    dependencies = await asyncio.gather(
        _probe("database", database.fetchval("SELECT 1")),
        _probe("cache", cache.ping()),
        _probe("gateway", shop.gateway.ping()),
    )
    if isinstance(shop.gateway, Breaker):
        dependencies[-1]["breaker"] = shop.gateway.state
    return Response({"dependencies": dependencies}, headers=_PRIVATE)


@get("/metrics", include_in_schema=False)
async def show_metrics(database: Database, shop: Shop) -> Response[bytes]:
    """Prometheus metrics; the edge does not pass this path on."""
    if isinstance(shop.gateway, Breaker):
        metrics.gateway_breaker.set({"closed": 0, "half-open": 1, "open": 2}[shop.gateway.state])
    metrics.connections_busy.set(database.busy)
    metrics.connections_waiting.set(database.waiting)
    return Response(metrics.render_metrics(), media_type=MediaType.TEXT, headers=_PRIVATE)


async def _probe(name: str, question: Awaitable[Any]) -> dict[str, Any]:
    started = time.perf_counter()
    state = "up"
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await question
    except (Problem, TimeoutError, OSError, GatewayAway, redis.exceptions.RedisError):
        state = "down"
    return {"name": name, "state": state, "latency_ms": round((time.perf_counter() - started) * 1000, 2)}


routes: list[ControllerRouterHandler] = [show_live, show_ready, show_info, show_topology, show_metrics]
