"""A store to measure: one web process and its gateway, PostgreSQL and Redis beside it, all thrown away after.

PostgreSQL writes to disk and waits for it, as in production. The containers are of the kit's own images,
which `make up` builds once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psycopg

from app import release
from app.core.settings import Settings, read_settings
from tests.app.processes import CACHE, Process, throwaway_container, wait_until
from tests.ports import free_port

DATABASE = (
    "initdb -D $HOME/bench -U postgres -A trust >/dev/null && exec postgres -D $HOME/bench -c port={port}"
    " -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c max_connections=100"
    " -c shared_buffers=256MB -c max_wal_size=4GB -c jit=off"
)
# As many as the store's pool has: both sides queue for the database alike.
CONNECTIONS = 10
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))


@dataclass(frozen=True)
class Store:
    """Where the store answers, its settings, and a superuser's address of its database."""

    url: str
    settings: Settings
    admin: str
    environ: dict[str, str]

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.admin)
        yield connection
        await connection.close()

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[list[asyncpg.Connection]]:
        """As many bare connections as the store's pool has."""
        opened = [await asyncpg.connect(self.settings.database_dsn) for _ in range(CONNECTIONS)]
        yield opened
        for connection in opened:
            await connection.close()


@contextmanager
def running_store() -> Iterator[Store]:
    """Start all of it, with the schema of this version and no content."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(throwaway_container("database", DATABASE))
        cache = stack.enter_context(throwaway_container("cache", CACHE))
        admin = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        wait_until(lambda: _answers(admin), lambda: f"no PostgreSQL at {admin}")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CREATE ROLE migrator LOGIN")
            connection.execute("CREATE ROLE store LOGIN")
            connection.execute("CREATE DATABASE store OWNER migrator")
        for secret in ("session", "gateway", "webhook"):
            (folder / secret).write_text(secrets.token_hex(24))
        web_port, gateway_port = free_port(), free_port()
        environ = {
            "DATABASE_URL": f"postgresql://store@127.0.0.1:{port}/store",
            "DATABASE_DIRECT_URL": f"postgresql://store@127.0.0.1:{port}/store",
            "CACHE_URL": f"redis://127.0.0.1:{cache}/0",
            "SESSION_KEY_FILE": str(folder / "session"),
            "GATEWAY_KEY_FILE": str(folder / "gateway"),
            "GATEWAY_WEBHOOK_KEY_FILE": str(folder / "webhook"),
            "GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
            "GATEWAY_DATA": str(folder / "gateway-data"),
            "PUBLIC_URL": f"http://127.0.0.1:{web_port}",
            "MEDIA_URL": "http://127.0.0.1/media",
            "MEDIA_ROOT": str(folder),
        }
        migrator = environ["DATABASE_DIRECT_URL"].replace("store@", "migrator@", 1)
        release.run(read_settings({**environ, "DATABASE_DIRECT_URL": migrator}, release=True))
        hooks = {
            "WEBHOOK_URL": f"{environ['PUBLIC_URL']}/api/v1/webhooks/test-gateway",
            "PUBLIC_URL": environ["GATEWAY_URL"],
        }
        gateway = Process(["app.gateway"], {**environ, **hooks}, folder / "gateway.log", gateway_port)
        web = Process(["app", "web"], environ, folder / "web.log", web_port)
        for process, ready in ((gateway, "/health/live"), (web, "/health/ready")):
            process.start(ready=ready)
            stack.callback(process.stop)
        named = urlsplit(admin)._replace(path="/store").geturl()
        yield Store(web.url, read_settings(environ), named, environ)


class Client:
    """A shopper's keep-alive connection that costs far less than the server it asks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
        """Send one request and return status and body; the answer must tell its length."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{content}{headers}\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        lowered = answer.lower()
        place = lowered.find(b"content-length: ")
        length = int(lowered[place + 16 : lowered.index(b"\r\n", place)]) if place >= 0 else 0
        return int(answer[9:12]), await reader.readexactly(length) if length else b""

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()


Work = Callable[[int, int], Awaitable[Any]]


async def rate(work: Work, workers: int, seconds: float = SECONDS) -> float:
    """How often a second `work(worker, n)` is done by so many at once; n never repeats within the run."""
    numbers, done, started = itertools.count(), 0, time.perf_counter()

    async def go(worker: int) -> None:
        nonlocal done
        while time.perf_counter() - started < seconds:
            await work(worker, next(numbers))
            done += 1

    await asyncio.gather(*[go(worker) for worker in range(workers)])
    return done / (time.perf_counter() - started)


async def pair(
    subject: Callable[[], Awaitable[float]], bare: Callable[[], Awaitable[float]]
) -> tuple[float, float]:
    """Measure both in turn, ROUNDS times after one for warming up; returns the round with the middle ratio.

    Other work on the machine disturbs both halves of a round alike, more or less.
    """
    await subject(), await bare()
    rates = [(await subject(), await bare()) for _ in range(ROUNDS)]
    middle = median_low(ours / theirs for ours, theirs in rates)
    return next((ours, theirs) for ours, theirs in rates if ours / theirs == middle)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
