"""Spreads the units of a hot item over buckets, and gathers them when they get few or the rush is over.

An order of a spread item takes its units from any one bucket, so that buyers do not queue for one row until
each other's commit is on disk. All other items have one row and pay nothing. Wherever units are, they can be
sold: what is read before a claim is every row, and the sum alone says how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core.database import Connection, Database
from app.inventory import queries

# With three times as many buckets as connections that order at once, few meet; see docs/decisions/0008.
BUCKETS = 64
# With fewer units per bucket, many an order would find its bucket empty and try again.
LEAST_PER_BUCKET = 4
# Fewer buckets than this are not worth their reading.
LEAST_BUCKETS = 4
# An item is hot that is in so many of the latest orders (by id), when those were made within so many seconds.
LATEST_ORDERS = 400
HOT_LINES = 100
HOT_SECONDS = 20.0


async def gather(connection: Connection, variants: Sequence[int], location: int | None = None) -> None:
    """Bring all units of the variants back into the one row of each location."""
    spread = await connection.fetch(queries.SPREAD_ROWS, list(variants), location)
    for row in spread:
        await _lay_out(connection, row["variant_id"], row["location_id"], 0)


async def spread(connection: Connection, variant: int, location: int) -> bool:
    """Share the units evenly among the buckets; returns False when they are too few, and gathered."""
    total = await connection.fetchval(queries.COUNT_UNITS, variant, location)
    buckets = min(BUCKETS, total // LEAST_PER_BUCKET)
    buckets = buckets if buckets >= LEAST_BUCKETS else 0
    await _lay_out(connection, variant, location, buckets)
    return buckets > 0


async def tend(database: Database) -> int:
    """Spread what is hot or share it anew, gather what was hot; returns how many stocks these are."""
    hot = {
        row["variant_id"]
        for row in await database.fetch(queries.HOT_VARIANTS, LATEST_ORDERS, HOT_SECONDS, HOT_LINES)
    }
    rows = await database.fetch(queries.TENDED_ROWS, sorted(hot))
    for row in rows:
        variant, location = row["variant_id"], row["location_id"]
        async with database.transaction() as connection:
            if variant in hot:
                await spread(connection, variant, location)
            else:
                await gather(connection, [variant], location)
    return len(rows)


async def _lay_out(connection: Connection, variant: int, location: int, buckets: int) -> None:
    """Put the units into so many buckets, the rest and what is reserved into the row."""
    await connection.execute(queries.MAKE_BUCKETS, variant, location, buckets)
    # In the order in which orders lock them.
    rows = await connection.fetch(queries.LOCK_ROW, variant, location)
    rows += await connection.fetch(queries.LOCK_ROW_BUCKETS, variant, location)
    await connection.execute(
        queries.LAY_OUT,
        variant,
        location,
        buckets,
        sum(row["available"] for row in rows),
        sum(row["reserved"] for row in rows),
    )
