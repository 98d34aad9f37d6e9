"""Redis as a cache only: when it is away, everything still works, slower. Nothing here is the only copy."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

import redis.asyncio as redis
import structlog

from app.core.secrets import Credential, redis_sign_in

log = structlog.get_logger()

# A cache slower than the query it saves is no help.
TIMEOUT_SECONDS = 0.25
# After a failure the cache is left alone for a while: an outage costs one time-out, not one per request.
PAUSE_SECONDS = 2.0
CONNECTIONS = 10
MOST_COUNTS = 10_000


class Cache:
    """Get, set and remember bytes; every failure counts as a miss."""

    def __init__(self, url: str, credential: Credential | None = None) -> None:
        """`credential` stands for a password in the url, and is read again when Redis refuses it."""
        address, sign_in = redis_sign_in(url, credential)
        self._redis = redis.Redis.from_url(
            address,
            **sign_in,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            max_connections=CONNECTIONS,
        )
        self._paused_until = 0.0
        # Counts of this process, for the minutes in which the cache is away: (window, count) by key.
        self._counts: dict[str, tuple[int, int]] = {}

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

    async def count(self, key: str, seconds: int) -> int:
        """Count one more within a window that the first one opened; 0 when the cache is away."""
        if time.monotonic() < self._paused_until:
            return 0
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, seconds, nx=True)
                counted = await pipeline.execute()
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._pause(error)
            return 0
        return int(counted[0])

    async def remember(self, key: str, seconds: int, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the kept value, or make it and keep it."""
        value = await self.get(key)
        if value is None:
            value = await make()
            await self.set(key, value, seconds)
        return value

    async def limit(self, key: str, per_minute: int) -> int:
        """Count one use in this minute: 0 while there are at most so many, else the seconds to wait.

        While the cache is away each process counts for itself.
        """
        now = time.time()
        window = int(now // 60)
        count = await self._count(f"limit:{key}:{window}") or self._count_here(key, window)
        return 0 if count <= per_minute else max(1, math.ceil((window + 1) * 60 - now))

    async def _count(self, key: str) -> int | None:
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, 120)
                count, _ = await pipeline.execute()
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._pause(error)
            return None
        return int(count)

    def _count_here(self, key: str, window: int) -> int:
        kept, count = self._counts.get(key, (window, 0))
        if len(self._counts) > MOST_COUNTS:
            self._counts.clear()
        self._counts[key] = (window, count + 1 if kept == window else 1)
        return self._counts[key][1]

    def _pause(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + PAUSE_SECONDS
        log.warning("cache away", error=repr(error))
