"""Sessions of staff, in Redis: they end by disuse, by age, or all of a member's by a number in the database.

Redis is the only copy here, so nothing is guessed while it is away: whoever asks gets 503.
"""

from __future__ import annotations

import hashlib
import secrets
import time

import msgspec
import redis.asyncio as redis
import structlog

from app.core.problems import Problem
from app.core.secrets import Credential, redis_sign_in

log = structlog.get_logger()

# A desk is left for a meal, not for a night.
IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
# Staff wait longer than shoppers for a slow Redis, since nothing else can stand in.
TIMEOUT_SECONDS = 2.0
CONNECTIONS = 10

FAULTS = (redis.RedisError, OSError, TimeoutError)


class SessionsAway(Problem):
    """Nobody can be told apart while Redis is away: 503."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "sessions-unavailable",
            "Please try again in a moment",
            "Sessions cannot be read at the moment.",
            retry_after=5,
        )


class Session(msgspec.Struct, frozen=True):
    """What Redis keeps of a signed-in member of staff; `epoch` must be the member's current one."""

    staff_id: int
    epoch: int
    csrf: str
    # Seconds since 1970.
    began: float


def connect(url: str, credential: Credential | None = None) -> redis.Redis:
    """A client for what must not be guessed: no pause after a fault, as the cache has."""
    address, sign_in = redis_sign_in(url, credential)
    pool = redis.BlockingConnectionPool.from_url(
        address,
        **sign_in,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        max_connections=CONNECTIONS,
        # More at once than connections wait their turn.
        timeout=TIMEOUT_SECONDS,
    )
    return redis.Redis.from_pool(pool)


class Sessions:
    """Begins, finds and ends sessions. The token is the browser's alone: Redis knows its hash."""

    def __init__(
        self, client: redis.Redis, *, idle: float = IDLE_SECONDS, longest: float = LONGEST_SECONDS
    ) -> None:
        self._redis = client
        self._idle = idle
        self._longest = longest

    async def begin(self, staff_id: int, epoch: int) -> str:
        """Make a session and return its token, always a new one. Raises SessionsAway."""
        token = secrets.token_urlsafe(32)
        session = Session(staff_id, epoch, secrets.token_urlsafe(24), time.time())
        try:
            await self._redis.set(_key(token), msgspec.json.encode(session), px=int(self._idle * 1000))
        except FAULTS as error:
            raise _away(error) from error
        return token

    async def find(self, token: str) -> Session | None:
        """The session, used now and so kept on; None when it ended. Raises SessionsAway."""
        try:
            raw = await self._redis.getex(_key(token), px=int(self._idle * 1000))
        except FAULTS as error:
            raise _away(error) from error
        if raw is None:
            return None
        session = msgspec.json.decode(raw, type=Session)
        if time.time() - session.began > self._longest:
            await self.end(token)
            return None
        return session

    async def end(self, token: str) -> None:
        """Forget the session. Raises SessionsAway."""
        try:
            await self._redis.delete(_key(token))
        except FAULTS as error:
            raise _away(error) from error


def _key(token: str) -> str:
    return f"desk:session:{hashlib.sha256(token.encode()).hexdigest()}"


def _away(error: BaseException) -> SessionsAway:
    log.warning("sessions away", error=repr(error))
    return SessionsAway()
