"""Redis as a cache only: when it is away, everything still works, slower. Nothing here is the only copy."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import redis.asyncio as redis
import structlog

log = structlog.get_logger()

# A cache slower than the query it saves is no help.
TIMEOUT_SECONDS = 0.25
# After a failure the cache is left alone for a while: an outage costs one time-out, not one per request.
PAUSE_SECONDS = 2.0
CONNECTIONS = 10


class Cache:
    """Get, set and remember bytes; every failure counts as a miss."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            max_connections=CONNECTIONS,
        )
        self._paused_until = 0.0

    async def close(self) -> None:
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raise redis.RedisError or OSError when the cache does not answer."""
        await self._redis.ping()

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None when it is not there or the cache is away."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            value = await self._redis.get(key)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._pause(error)
            return None
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, seconds: int) -> None:
        """Keep the value for so many seconds, or drop it when the cache is away."""
        if time.monotonic() < self._paused_until:
            return
        try:
            await self._redis.set(key, value, ex=seconds)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._pause(error)

    async def remember(self, key: str, seconds: int, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the kept value, or make it and keep it."""
        value = await self.get(key)
        if value is None:
            value = await make()
            await self.set(key, value, seconds)
        return value

    def _pause(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + PAUSE_SECONDS
        log.warning("cache away", error=repr(error))
