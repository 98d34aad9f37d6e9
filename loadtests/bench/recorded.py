"""The statements that the store sends for one thing it does, to be sent again without the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg

METHODS = ("fetch", "fetchrow", "fetchval", "execute")


class Statement(NamedTuple):
    """One statement as it was sent, with what it answered."""

    method: str
    sql: str
    arguments: tuple[Any, ...]
    answer: Any


@asynccontextmanager
async def recording() -> AsyncIterator[list[Statement]]:
    """Collect what this process sends to PostgreSQL meanwhile."""
    sent: list[Statement] = []
    originals = {name: getattr(asyncpg.Connection, name) for name in METHODS}

    def recorder(name: str) -> Any:
        async def record(self: asyncpg.Connection, sql: str, *arguments: Any, **options: Any) -> Any:
            answer = await originals[name](self, sql, *arguments, **options)
            sent.append(Statement(name, sql, arguments, answer))
            return answer

        return record

    for name in METHODS:
        setattr(asyncpg.Connection, name, recorder(name))
    try:
        yield sent
    finally:
        for name, method in originals.items():
            setattr(asyncpg.Connection, name, method)


async def send_again(
    connection: asyncpg.Connection, statements: list[Statement], changed: Mapping[Any, Any]
) -> None:
    """Send the statements with other values in place of the recorded ones.

    What a statement answers with another id than it did (a new order's) is replaced in those that follow.
    """
    values = dict(changed)
    for statement in statements:
        arguments = [_replace(argument, values) for argument in statement.arguments]
        answer = await getattr(connection, statement.method)(statement.sql, *arguments)
        if (
            isinstance(answer, asyncpg.Record)
            and "id" in answer
            and statement.sql.lstrip().startswith("WITH")
        ):
            values[statement.answer["id"]] = answer["id"]


def _replace(argument: Any, values: Mapping[Any, Any]) -> Any:
    if isinstance(argument, list):
        return [values.get(item, item) for item in argument] if len(argument) < 5 else argument
    if isinstance(argument, (str, bytes)) and argument not in values:
        for known, new in values.items():
            if isinstance(known, str) and isinstance(argument, str) and known in argument:
                return argument.replace(known, new)
        return argument
    return values.get(argument, argument) if not isinstance(argument, (bool, float)) else argument
