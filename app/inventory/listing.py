"""Reads stock for other systems: levels per variant and location, and what orders have reserved."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.core.database import Connection, Database
from app.core.problems import Invalid
from app.inventory import listing_queries as queries


class Level(msgspec.Struct):
    """The stock of a variant at a location."""

    variant_id: int
    sku: str
    location_id: int
    location: str
    available: int
    reserved: int


class Reservation(msgspec.Struct):
    """Units that an order has until they are shipped or released."""

    order_id: int
    number: str
    variant_id: int
    location_id: int
    location: str
    quantity: int


async def list_levels(
    database: Database,
    *,
    after: tuple[int, int],
    limit: int,
    variant_id: int | None = None,
    location: str | None = None,
) -> list[Level]:
    """Levels behind `after` (variant, location), in the order of variants."""
    rows = await database.fetch(queries.LIST, *after, limit, variant_id, location)
    return msgspec.convert([dict(row) for row in rows], list[Level])


async def read_levels(
    connection: Connection, variants: Sequence[int], locations: Sequence[str]
) -> list[Level]:
    """The levels of these variants at these locations."""
    rows = await connection.fetch(queries.LEVELS, variants, locations)
    return msgspec.convert([dict(row) for row in rows], list[Level])


async def list_reservations(
    database: Database, *, after: tuple[int, int, int], limit: int, number: str | None = None
) -> list[Reservation]:
    """Reservations behind `after` (order, variant, location), oldest orders first."""
    rows = await database.fetch(queries.RESERVATIONS, *after, limit, number)
    return msgspec.convert([dict(row) for row in rows], list[Reservation])


async def find_location(connection: Connection, code: str) -> int:
    """The id of a location. Raises Invalid."""
    found = await connection.fetchval(queries.LOCATION, code)
    if found is None:
        raise Invalid({"location": f"location is {code!r}: there is none with this code"})
    return int(found)


async def check_variants(connection: Connection, variants: Sequence[int]) -> None:
    """Raise Invalid when one of the variants does not exist."""
    unknown = await connection.fetch(queries.UNKNOWN_VARIANTS, variants)
    if unknown:
        listed = ", ".join(str(row["id"]) for row in unknown)
        raise Invalid({"variant_id": f"variant_id is {listed}: there is no such variant"})
