"""A store of its own for the tests: real PostgreSQL and Redis, the real gateway and web processes.

`TEST_DATABASE_URL` (of a superuser) and `TEST_CACHE_URL` name servers to use; without them containers of the
kit's own images are started and thrown away.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import psycopg
import pytest

from app import release
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.settings import Settings, read_settings
from app.payments.gateway import TestGateway
from app.shipping.service import TableRates
from tests.app.contract import Contract
from tests.app.processes import CACHE, DATABASE, POOLER, Process, throwaway_container, wait_until
from tests.ports import free_port


@dataclass(frozen=True)
class Servers:
    """Addresses: PostgreSQL as superuser, what the store's pooled connections go to, Redis."""

    admin: str
    pooled: str
    cache: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        if given := os.environ.get("TEST_DATABASE_URL"):
            admin = pooled = given
        else:
            database = stack.enter_context(throwaway_container("database", DATABASE))
            pooler = stack.enter_context(throwaway_container("pooler", POOLER, database=database))
            admin, pooled = (
                f"postgresql://postgres@127.0.0.1:{port}/postgres" for port in (database, pooler)
            )
        cache = os.environ.get("TEST_CACHE_URL")
        if not cache:
            cache = f"redis://127.0.0.1:{stack.enter_context(throwaway_container('cache', CACHE))}/0"
        wait_until(lambda: _answers(admin), lambda: f"no PostgreSQL at {admin}")
        yield Servers(admin, pooled, cache)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def environ(servers: Servers, folder: Path) -> Iterator[dict[str, str]]:
    """The container contract, on a database that is made for this run and dropped after it."""
    admin = servers.admin
    name = f"store_test_{secrets.token_hex(4)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        for role in ("migrator", "store"):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute(f"CREATE DATABASE {name} OWNER migrator".encode())
    for secret in ("session", "gateway", "webhook"):
        (folder / secret).write_text(secrets.token_hex(24))
    yield {
        "DATABASE_URL": with_path(servers.pooled, name, user="store"),
        "DATABASE_DIRECT_URL": with_path(admin, name, user="store"),
        "CACHE_URL": servers.cache,
        "SESSION_KEY_FILE": str(folder / "session"),
        "GATEWAY_KEY_FILE": str(folder / "gateway"),
        "GATEWAY_WEBHOOK_KEY_FILE": str(folder / "webhook"),
        "GATEWAY_URL": f"http://127.0.0.1:{free_port()}",
        "GATEWAY_DATA": str(folder / "gateway-data"),
        "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "BACK_OFFICE_URL": "http://admin.localhost",
        "MEDIA_URL": "http://127.0.0.1/media",
        "MEDIA_ROOT": str(folder),
    }
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def settings(environ: dict[str, str]) -> Settings:
    """The store's settings, on a database with the current schema."""
    migrator = {
        **environ,
        "DATABASE_DIRECT_URL": environ["DATABASE_DIRECT_URL"].replace("store@", "migrator@", 1),
    }
    release.run(read_settings(migrator, release=True))
    return read_settings(environ)


@pytest.fixture(scope="session")
def gateway(environ: dict[str, str], folder: Path) -> Iterator[Process]:
    """The test gateway's process. A test that kills it starts it again."""
    webhooks = {"WEBHOOK_URL": f"{environ['PUBLIC_URL']}/api/v1/webhooks/test-gateway"}
    port = urlsplit(environ["GATEWAY_URL"]).port or 0
    # What shoppers see of it is behind the same address as the store; here it has an address of its own.
    own = {"PUBLIC_URL": environ["GATEWAY_URL"]}
    process = Process(["app.gateway"], {**environ, **webhooks, **own}, folder / "gateway.log", port)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def web(environ: dict[str, str], settings: Settings, gateway: Process, folder: Path) -> Iterator[Process]:
    """The store's web process."""
    port = urlsplit(environ["PUBLIC_URL"]).port or 0
    process = Process(["app", "web"], environ, folder / "web.log", port)
    process.start(ready="/health/ready")
    yield process
    process.stop()


@pytest.fixture(scope="module")
def worker(environ: dict[str, str], web: Process, folder: Path) -> Iterator[Process]:
    """The store's worker, for files that ask for it alone: others look at jobs that nobody has done yet."""
    process = Process(["app", "worker"], environ, folder / "worker.log", free_port())
    process.start(ready="/health/ready")
    yield process
    process.stop()


@pytest.fixture(scope="session")
def contract(web: Process) -> Contract:
    """What the API's document says of errors; every answer of the clients below is held against it."""
    return Contract(web.url)


@pytest.fixture
def client(web: Process, contract: Contract) -> Iterator[httpx.Client]:
    hooks = {"response": [contract.hold]}
    with httpx.Client(base_url=web.url, timeout=20, trust_env=False, event_hooks=hooks) as client:
        yield client


@pytest.fixture
async def crowd(web: Process, contract: Contract) -> AsyncIterator[httpx.AsyncClient]:
    """A client for many requests at once."""
    limits = httpx.Limits(max_connections=100)
    hooks = {"response": [contract.hold_async]}
    async with httpx.AsyncClient(
        base_url=web.url, timeout=60, limits=limits, trust_env=False, event_hooks=hooks
    ) as client:
        yield client


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The store's own access to the database."""
    database = Database(settings.database_dsn)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def shop(settings: Settings, database: Database, gateway: Process) -> AsyncIterator[Shop]:
    adapter = TestGateway(settings)
    yield Shop(database, adapter, TableRates(database), settings.public_url)
    await adapter.close()


@pytest.fixture
async def owner(servers: Servers, settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the store's database, to arrange and to look."""
    connection = await asyncpg.connect(with_path(servers.admin, urlsplit(settings.database_url).path[1:]))
    yield connection
    await connection.close()


def with_path(url: str, path: str, *, user: str | None = None) -> str:
    parts = urlsplit(url)
    if user:
        parts = parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}")
    return urlunsplit(parts._replace(path=f"/{path}"))


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
