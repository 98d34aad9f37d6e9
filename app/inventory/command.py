"""The command `stock` of `python -m app`."""

from __future__ import annotations

import sys

from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings
from app.inventory import movement_queries as queries
from app.inventory.locations import list_locations
from app.inventory.movements import set_available


async def set_units(settings: Settings, variant: int, units: int, location: str = "main") -> int:
    """Make so many units of a variant that has stock available at the location; returns the exit code."""
    try:
        async with open_direct(settings, size=1) as database, database.transaction() as connection:
            codes = {place.code: place.id for place in await list_locations(connection)}
            if location not in codes:
                raise ValueError(f"location {location!r} is not known: take one of {', '.join(codes)}")
            if not await connection.fetchval(queries.HAS_STOCK, variant):
                raise ValueError(f"variant {variant} is not known: take an id from /api/v1/products")
            await set_available(connection, [(variant, units)], reason="counted", location=codes[location])
    except (ValueError, Problem) as error:
        print(f"app stock: {error}", file=sys.stderr)
        return 1
    print(f"variant {variant}: {units} available")
    return 0
