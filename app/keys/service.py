"""Verbs on API keys. The secret is shown once; what is kept is its SHA-256, enough for 256 random bits."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from app.core.cache import Cache
from app.core.database import Connection, Database
from app.core.problems import Problem
from app.keys import queries

# Ten requests a second, on average: an integration's share of a store that serves shoppers first.
PER_MINUTE = 600
# A key's first words, so that scanners of source code and people know one when they see one.
MARK = "sk"


class Scope(StrEnum):
    """What a key may do."""

    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    PROMOTIONS_READ = "promotions:read"
    PROMOTIONS_WRITE = "promotions:write"
    GIFT_CARDS_READ = "gift-cards:read"
    GIFT_CARDS_WRITE = "gift-cards:write"


# In the words of the screen where keys are made.
EXPLAINED = {
    Scope.PRODUCTS_READ: "reads every product, published or not",
    Scope.PRODUCTS_WRITE: "makes and changes products and prices",
    Scope.STOCK_READ: "reads stock, its movements and the locations",
    Scope.STOCK_WRITE: "books receipts, corrections and transfers",
    Scope.ORDERS_READ: "reads orders with their buyers' addresses",
    Scope.ORDERS_WRITE: "ships and cancels orders",
    Scope.PAYMENTS_READ: "reads what was paid and refunded",
    Scope.PAYMENTS_WRITE: "captures and refunds payments",
    Scope.PROMOTIONS_READ: "reads promotions and their codes",
    Scope.PROMOTIONS_WRITE: "makes, changes and ends promotions, makes codes",
    Scope.GIFT_CARDS_READ: "reads gift cards with balance and history, not their codes",
    Scope.GIFT_CARDS_WRITE: "issues gift cards, corrects their balance, blocks them",
}


@dataclass(frozen=True)
class ApiKey:
    """A key in use."""

    id: int
    name: str
    scopes: frozenset[str]
    per_minute: int


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key as staff see it; `prefix` names it."""

    prefix: str
    name: str
    scopes: list[str]
    per_minute: int
    expires_at: datetime | None
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > datetime.now(UTC))


async def create_key(
    database: Database | Connection,
    *,
    name: str,
    scopes: Iterable[str],
    created_by: str,
    days: int | None = None,
    per_minute: int = PER_MINUTE,
) -> str:
    """Make a key, valid for so many days or until it is revoked; returns it whole, for the only time.

    Raises ValueError that quotes a faulty value.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in list(Scope)]
    if unknown or not wanted:
        raise ValueError(f"scope {', '.join(unknown) or 'is missing'}: take of {', '.join(Scope)}")
    if not 1 <= len(name.strip()) <= 100:
        raise ValueError(f"name {name!r}: it must have 1 to 100 characters that tell whose key it is")
    if days is not None and not 1 <= days <= 3650:
        raise ValueError(f"{days} days: a key is valid for 1 to 3650 days")
    if not 1 <= per_minute <= 100_000:
        raise ValueError(f"{per_minute} requests a minute: it must be 1 to 100000")
    prefix = secrets.token_hex(6)
    key = f"{MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    await database.fetchrow(
        queries.CREATE, prefix, hash_key(key), name.strip(), wanted, per_minute, expires, created_by
    )
    return key


async def list_keys(database: Database) -> list[KeyRecord]:
    """Every key ever made, oldest first."""
    return [_record(row) for row in await database.fetch(queries.LIST)]


async def revoke_key(connection: Connection, prefix: str) -> KeyRecord | None:
    """End a key from the next request on; None when there is none with this prefix."""
    row = await connection.fetchrow(queries.REVOKE, prefix)
    return _record(row) if row else None


async def admit(database: Database, cache: Cache, authorization: str, scope: Scope) -> ApiKey:
    """The key of a request's Authorization, if it may do this now. Raises a 401, 403 or 429."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _unauthorized("key-missing", "An API key is needed", "Send Authorization: Bearer <key>.")
    key = await _find(database, token.strip())
    if key is None:
        detail = "There is no such key, or it has expired or been revoked."
        raise _unauthorized("key-invalid", "The API key is not valid", detail)
    if scope not in key.scopes:
        raise Problem(
            403,
            "scope-missing",
            "The key does not allow this",
            f"This needs the scope {scope}; the key {key.name!r} has {', '.join(sorted(key.scopes))}.",
            scope=scope,
        )
    wait = await cache.limit(f"api-key:{key.id}", key.per_minute)
    if wait:
        detail = f"The key {key.name!r} may be used {key.per_minute} times a minute."
        raise Problem(429, "rate-limited", "Too many requests", detail, retry_after=wait)
    return key


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def _find(database: Database, token: str) -> ApiKey | None:
    mark, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != MARK or not secret or len(token) > 200 or not token.isascii() or "\0" in token:
        return None
    row = await database.fetchrow(queries.FIND, prefix)
    if row is None or not hmac.compare_digest(row["hash"], hash_key(token)):
        return None
    if row["unseen"]:
        await database.execute(queries.USE, row["id"])
    return ApiKey(row["id"], row["name"], frozenset(row["scopes"]), row["per_minute"])


def _unauthorized(slug: str, title: str, detail: str) -> Problem:
    return Problem(401, slug, title, detail, headers={"WWW-Authenticate": 'Bearer realm="store"'})


def _record(row: Any) -> KeyRecord:
    return KeyRecord(**{name: row[name] for name in KeyRecord.__struct_fields__})
