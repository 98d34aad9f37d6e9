"""A bounded pool of asyncpg connections that starts while the database is down and heals by itself.

Through PgBouncer's transaction pooling a connection has no session: no SET, no LISTEN, no advisory lock.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from app.core.problems import Problem
from app.core.secrets import Credential
from app.core.settings import Settings

log = structlog.get_logger()

Connection: TypeAlias = PoolConnectionProxy | asyncpg.Connection

# Ten connections keep two cores of PostgreSQL busy; more only queue inside the database instead of here.
POOL_SIZE = 10
# A queue longer than this would not be served within the wait: refuse at once instead.
MOST_WAITING = 200
WAIT_SECONDS = 2.0
CONNECT_SECONDS = 3.0
COMMAND_SECONDS = 10.0

# What asyncpg raises when the server, or the pooler before it, is away.
AWAY = (
    OSError,
    ssl.SSLError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# A text with a zero byte, a number beyond bigint: found when the statement is sent.
BAD_VALUES = (asyncpg.DataError, asyncpg.exceptions._base.DataError)


class DatabaseAway(Problem):
    """The database does not answer, or every connection is busy: 503, try again in a second."""

    def __init__(self, detail: str) -> None:
        super().__init__(503, "database-unavailable", "Please try again in a moment", detail, retry_after=1)


class Database:
    """Hands out connections; turns every kind of outage into `DatabaseAway`."""

    def __init__(self, dsn: str, *, size: int = POOL_SIZE, credential: Credential | None = None) -> None:
        """`credential` is the password of the dsn, for new connections after it was replaced."""
        self._dsn = dsn
        self._credential = credential
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._waiting = 0

    async def open(self) -> None:
        """Make the pool. It connects on first use, so a database that is down does not stop the start."""
        credential = self._credential
        self._pool = await asyncpg.create_pool(
            self._dsn,
            password=None if credential is None else lambda: credential.value,
            min_size=0,
            max_size=self._size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            max_inactive_connection_lifetime=300,
            reset=_keep_session,
            server_settings={"application_name": "store"},
        )

    async def close(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()

    @property
    def busy(self) -> int:
        """Connections in use."""
        return self._pool.get_size() - self._pool.get_idle_size() if self._pool else 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return self._waiting

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; each statement commits by itself. Raises DatabaseAway."""
        pool = self._pool
        if pool is None:
            raise DatabaseAway("The store is starting.")
        connection = await self._acquire(pool)
        try:
            yield connection
        except BAD_VALUES as error:
            raise Problem(422, "invalid", "The request has errors", "A value cannot be stored.") from error
        except (asyncpg.QueryCanceledError, TimeoutError) as error:
            raise DatabaseAway("The database took too long.") from error
        except AWAY as error:
            log.warning("database away", error=repr(error))
            # The others are most likely as dead as this one: the next request gets a new connection.
            await pool.expire_connections()
            raise DatabaseAway("The database went away in the middle of the request.") from error
        finally:
            await _release(pool, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside one transaction: commits on leaving, rolls back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Read rows. For reading only: the statement is sent a second time when the connection was stale."""
        rows: list[asyncpg.Record] = await self._read("fetch", sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """Read one row or None; see `fetch`."""
        return await self._read("fetchrow", sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Read one value; see `fetch`."""
        return await self._read("fetchval", sql, args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Write with one statement of its own; returns the command tag, never repeats."""
        async with self.connection() as connection:
            tag: str = await connection.execute(sql, *args)
            return tag

    async def _read(self, method: str, sql: str, args: tuple[Any, ...]) -> Any:
        try:
            async with self.connection() as connection:
                return await getattr(connection, method)(sql, *args)
        except DatabaseAway as error:
            if not isinstance(error.__cause__, AWAY) or isinstance(error.__cause__, TimeoutError):
                raise
        # After a restart of the pooler each pooled connection is stale once; a read may simply be repeated.
        async with self.connection() as connection:
            return await getattr(connection, method)(sql, *args)

    async def _acquire(self, pool: asyncpg.Pool) -> Connection:
        if self._waiting >= MOST_WAITING:
            raise DatabaseAway("The store is busy.")
        self._waiting += 1
        try:
            return await self._sign_in(pool)
        except TimeoutError as error:
            raise DatabaseAway("The store is busy.") from error
        except AWAY as error:
            log.warning("no database connection", error=repr(error))
            raise DatabaseAway("The database does not answer.") from error
        finally:
            self._waiting -= 1

    async def _sign_in(self, pool: asyncpg.Pool) -> Connection:
        """Take a connection; when a new one is refused, read the password again and try once more."""
        used = self._credential.value if self._credential else ""
        try:
            return await pool.acquire(timeout=WAIT_SECONDS)
        except asyncpg.InvalidAuthorizationSpecificationError:
            if self._credential is None or not await self._credential.renew(used):
                raise
        log.info("the database's password was replaced; signing in with the new one")
        return await pool.acquire(timeout=WAIT_SECONDS)


async def _release(pool: asyncpg.Pool, connection: Connection) -> None:
    try:
        await pool.release(connection, timeout=5)
    except (*AWAY, TimeoutError):
        # asyncpg has already thrown the connection away.
        log.debug("connection lost on release")


async def _keep_session(_connection: object) -> None:
    """Skip asyncpg's RESET ALL after each use: a pooled session holds nothing, and it costs a round trip."""


@asynccontextmanager
async def open_direct(settings: Settings, *, size: int = 4) -> AsyncIterator[Database]:
    """Lend a Database on the direct address, for commands and workers."""
    credential = settings.secrets.database_credential
    database = Database(settings.database_direct_dsn, size=size, credential=credential)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
