"""How often one may try to sign in: counted in Redis, by address and by account, whether or not it exists.

Tries are counted before the password is looked at, so that many at once do not slip through together.
"""

from __future__ import annotations

import hashlib

import redis.asyncio as redis

from app.backoffice.sessions import FAULTS, SessionsAway
from app.core.problems import Problem

WINDOW_SECONDS = 15 * 60
# An office behind one address has several who mistype.
TRIES_OF_ADDRESS = 30
# A guesser gets 40 guesses an hour at one account, and needs the second factor besides.
TRIES_OF_ACCOUNT = 10


class TooManyTries(Problem):
    """The same words for every account, real or not: 429."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            429,
            "too-many-tries",
            "Too many tries",
            f"Please wait {-(-seconds // 60)} minutes, then try again.",
            retry_after=seconds,
        )


class Limits:
    """Counts tries; the count of an account is forgotten when its owner signs in."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def take(self, address: str, account: str) -> None:
        """Count a try. Raises TooManyTries beyond the limits, SessionsAway when there is no counting."""
        limits = ((_key("address", address), TRIES_OF_ADDRESS), (_key("account", account), TRIES_OF_ACCOUNT))
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for key, _ in limits:
                    pipeline.incr(key)
                    # From the first try on: later ones do not prolong the wait.
                    pipeline.expire(key, WINDOW_SECONDS, nx=True)
                    pipeline.ttl(key)
                counted = await pipeline.execute()
        except FAULTS as error:
            raise SessionsAway from error
        waits = [
            ttl
            for (_, most), tries, ttl in zip(limits, counted[::3], counted[2::3], strict=True)
            if tries > most
        ]
        if waits:
            raise TooManyTries(max(waits))

    async def forget(self, account: str) -> None:
        """The account's owner has signed in: their slips do not count any more."""
        try:
            await self._redis.delete(_key("account", account))
        except FAULTS as error:
            raise SessionsAway from error


def _key(kind: str, value: str) -> str:
    return f"desk:tries:{kind}:{hashlib.sha256(value.strip().lower().encode()).hexdigest()[:32]}"
