"""Writes what other systems change into the audit log, beside what staff change."""

from __future__ import annotations

from typing import Any

from litestar import Request

from app.backoffice import audit
from app.core.database import Connection
from app.core.requests import current_address


def actor_of(request: Request[Any, Any, Any]) -> str:
    """Who asks, in the words of ledgers."""
    return f"key {request.state.key.name}"


async def log_change(
    request: Request[Any, Any, Any],
    connection: Connection,
    verb: str,
    object: str,
    *,
    before: audit.State = None,
    after: audit.State = None,
) -> None:
    """Add an entry of what differs, in the transaction of the change."""
    actor = audit.Actor(None, actor_of(request), current_address(request))
    was, now = audit.differing(before, after)
    await audit.write(connection, actor, verb, object, before=was, after=now)
