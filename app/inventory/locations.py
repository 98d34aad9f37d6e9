"""The places that goods are kept at, and in which order they are used."""

from __future__ import annotations

import re

import msgspec

from app.core.database import Connection
from app.core.problems import Invalid
from app.inventory import movement_queries as queries

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Location(msgspec.Struct):
    """A warehouse or a shop; orders are allocated to the lowest `priority` first."""

    id: int
    code: str
    name: str
    priority: int


async def list_locations(connection: Connection) -> list[Location]:
    """All of them, in the order in which they are used."""
    return [Location(**row) for row in await connection.fetch(queries.LOCATIONS)]


async def save_location(connection: Connection, code: str, name: str, priority: int) -> int:
    """Make or change the location of this code; returns its id. Raises Invalid."""
    errors = {}
    if not _CODE.fullmatch(code):
        errors["code"] = f"code is {code!r}: it must be 1 to 40 small letters, digits and hyphens"
    if not name.strip() or len(name) > 120:
        errors["name"] = f"name is {name!r}: it must have 1 to 120 characters"
    if not 0 <= priority <= 9999:
        errors["priority"] = f"priority is {priority}: it must be from 0 to 9999"
    if errors:
        raise Invalid(errors)
    changed = await connection.fetchval(queries.CHANGE_LOCATION, code, name.strip(), priority)
    return int(changed or await connection.fetchval(queries.ADD_LOCATION, code, name.strip(), priority))
