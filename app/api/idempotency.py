"""Runs an unsafe operation once for each Idempotency-Key of an API key, and gives its answer again.

The claim on the key is committed first, so that a second request learns at once that the first is at work.
The answer is committed together with what the operation wrote: after a crash there is either both or neither.
An operation that asks other services is repeatable by itself, and is run again when its answer was lost. A
refusal is not kept: the same request may be accepted later. An answer that holds a secret is kept sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.params import HeaderParameter

from app.api import queries
from app.api.seals import seal, unseal
from app.core.database import Connection, Database
from app.core.problems import Problem

# Longer than any request lives: whoever claimed the key before has died.
ABANDONED_SECONDS = 60.0
KEEP_DAYS = 7
LONGEST_KEY = 200

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Yours, new for each intention; the same request under the same key is answered alike",
    ),
]


@dataclass(frozen=True)
class Answer:
    """What an operation answers; `body` is encoded as JSON. `is_secret`: nobody else may ever read it."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_secret: bool = False


@dataclass(frozen=True)
class _Claim:
    key_id: int
    key: str
    api_key: str


async def run_once(
    request: Request[Any, Any, Any],
    database: Database,
    work: Callable[[Connection], Awaitable[Answer]],
) -> Response[bytes]:
    """Run `work` in one transaction with the keeping of its answer."""
    claim = await _claim(request, database)
    if isinstance(claim, Response):
        return claim
    try:
        async with database.transaction() as connection:
            answer = await work(connection)
            response = _respond(answer)
            await _finish(connection, claim, response, is_secret=answer.is_secret)
    except Exception:
        await _let_go(database, claim)
        raise
    return response


async def run_once_apart(
    request: Request[Any, Any, Any], database: Database, work: Callable[[], Awaitable[Answer]]
) -> Response[bytes]:
    """Run `work`, which has transactions of its own and changes nothing more when it is repeated."""
    claim = await _claim(request, database)
    if isinstance(claim, Response):
        return claim
    try:
        answer = await work()
        response = _respond(answer)
        async with database.connection() as connection:
            await _finish(connection, claim, response, is_secret=answer.is_secret)
    except Exception:
        await _let_go(database, claim)
        raise
    return response


def key_for(request: Request[Any, Any, Any]) -> str:
    """The name under which other services know this request: the API key's and the client's key together."""
    given = check_key(request.headers.get("idempotency-key"))
    digest = hashlib.sha256(f"{request.state.key.id}\0{given}".encode()).hexdigest()
    return f"api-{digest[:40]}"


def check_key(key: str | None) -> str:
    """Return the key. Raises Problem when it is missing or cannot be one."""
    if not key:
        detail = "Send the header Idempotency-Key with a value of your own, new for each intention."
        raise Problem(400, "idempotency-key-missing", "Idempotency-Key is missing", detail)
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        detail = f"Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters."
        raise Problem(400, "idempotency-key-invalid", "Idempotency-Key is not valid", detail)
    return key


async def _claim(request: Request[Any, Any, Any], database: Database) -> _Claim | Response[bytes]:
    key = check_key(request.headers.get("idempotency-key"))
    # The guard let it through, so it is there.
    api_key = request.headers["authorization"].partition(" ")[2].strip()
    claim = _Claim(request.state.key.id, key, api_key)
    what = f"{request.method} {request.url.path} {request.headers.get('if-match', '')}\0".encode()
    fingerprint = hashlib.sha256(what + await request.body()).digest()
    async with database.connection() as connection:
        if await connection.fetchval(queries.CLAIM, claim.key_id, key, fingerprint, ABANDONED_SECONDS):
            return claim
    row = await database.fetchrow(queries.FIND, claim.key_id, key)
    if row is not None and row["fingerprint"] != fingerprint:
        raise Problem(
            409,
            "idempotency-key-reused",
            "The key was used before",
            f"Idempotency-Key {key[:60]!r} came with another request; use a new key for a new intention.",
        )
    if row is None or row["status"] is None:
        raise Problem(
            409,
            "request-in-progress",
            "The request is in progress",
            f"A request with Idempotency-Key {key[:60]!r} is still at work; repeat it to get its answer.",
            retry_after=1,
        )
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    body = unseal(api_key, key, row["body"])
    return Response(body, status_code=row["status"], headers=headers, media_type="application/json")


async def _finish(
    connection: Connection, claim: _Claim, response: Response[bytes], *, is_secret: bool
) -> None:
    headers = msgspec.json.encode(dict(response.headers)).decode()
    body = seal(claim.api_key, claim.key, response.content) if is_secret else response.content
    await connection.execute(queries.FINISH, claim.key_id, claim.key, response.status_code, headers, body)


async def _let_go(database: Database, claim: _Claim) -> None:
    async with database.connection() as connection:
        await connection.execute(queries.LET_GO, claim.key_id, claim.key)


def _respond(answer: Answer) -> Response[bytes]:
    return Response(
        msgspec.json.encode(answer.body),
        status_code=answer.status,
        headers={"Cache-Control": "no-store", **answer.headers},
        media_type="application/json",
    )
