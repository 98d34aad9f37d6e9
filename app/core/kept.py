"""What each process keeps of small tables that every request needs and hardly anybody changes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from app.core.database import Database

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Reads a value from the database, and again when it is older than `seconds`."""

    def __init__(self, seconds: float, read: Callable[[Database], Awaitable[Value]]) -> None:
        self._seconds = seconds
        self._read = read
        self._kept: WeakKeyDictionary[Database, tuple[float, Value]] = WeakKeyDictionary()

    async def get(self, database: Database) -> Value:
        """The value, at most `seconds` old."""
        kept = self._kept.get(database)
        if kept is None or time.monotonic() - kept[0] > self._seconds:
            kept = (time.monotonic(), await self._read(database))
            self._kept[database] = kept
        return kept[1]

    def forget(self, database: Database) -> None:
        """Read it anew the next time."""
        self._kept.pop(database, None)
