"""Writes and reads the audit log: who changed what, when, from where, and how it was before. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app.backoffice import queries
from app.core.database import Connection, Database
from app.core.requests import current_request_id

State = Mapping[str, Any] | None

# Never written down, whatever a screen hands over; the value says that there was one.
SECRET_WORDS = ("password", "secret", "token", "nonce", "key_hash", "code_hash")
HIDDEN = "(not written down)"


@dataclass(frozen=True)
class Actor:
    """Who did it, as the log names them for good."""

    staff_id: int | None
    who: str
    address: str


@dataclass(frozen=True)
class Filter:
    """Which entries to read; '' and None mean all. A verb or object may be given by its first part."""

    who: str = ""
    verb: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Record:
    """An entry as the screen shows it; `changes` are (name, before, after), only what differs."""

    id: int
    at: datetime
    who: str
    address: str
    request_id: str
    verb: str
    object: str
    outcome: str
    changes: list[tuple[str, str, str]]


async def write(
    connection: Connection | Database,
    actor: Actor,
    verb: str,
    object: str,
    *,
    before: State = None,
    after: State = None,
    outcome: str = "done",
) -> None:
    """Add an entry on this connection: part of its transaction, if it has one."""
    await connection.execute(
        queries.ADD_AUDIT,
        actor.staff_id,
        actor.who,
        actor.address,
        current_request_id(),
        verb,
        object,
        outcome,
        encode(before),
        encode(after),
    )


async def read(database: Database, wanted: Filter, limit: int, offset: int) -> list[Record]:
    """Read entries, newest first."""
    rows = await database.fetch(
        queries.AUDIT, wanted.who, wanted.verb, wanted.object, wanted.since, wanted.until, limit, offset
    )
    return [_record(row) for row in rows]


def differing(before: State, after: State) -> tuple[State, State]:
    """The two without what is the same in both."""
    if before is None or after is None:
        return before, after
    names = [name for name in after if name not in before or before[name] != after[name]]
    return {name: before[name] for name in names if name in before}, {name: after[name] for name in names}


def encode(state: State) -> str | None:
    """As JSON, without the value of anything that is named like a secret."""
    if state is None:
        return None
    shown = {
        name: HIDDEN if any(word in name.lower() for word in SECRET_WORDS) else value
        for name, value in state.items()
    }
    return msgspec.json.encode(shown, enc_hook=str).decode()


def _record(row: Mapping[str, Any]) -> Record:
    before: dict[str, Any] = msgspec.json.decode(row["before"]) if row["before"] else {}
    after: dict[str, Any] = msgspec.json.decode(row["after"]) if row["after"] else {}
    changes = [
        (name, _text(before.get(name)), _text(after.get(name))) for name in dict.fromkeys([*before, *after])
    ]
    plain = {
        name: row[name] for name in ("id", "at", "who", "address", "request_id", "verb", "object", "outcome")
    }
    return Record(**plain, changes=changes)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
