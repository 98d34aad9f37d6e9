"""Holds: the units that a cart has while its shopper checks out, for some minutes that activity extends.

What is held is reserved like the units of an order, so nobody else can have it. The order takes the hold over
in the statement that makes it. A hold that nobody takes over is given back by the worker, or by the next
shopper who misses the units.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import asyncpg
import msgspec

from app.core.database import Connection, Database
from app.inventory import queries
from app.inventory.allocation import Allocation, Held, Place, allocate
from app.inventory.rows import columns

# As long as filling in a form takes; each step starts it anew …
HOLD_SECONDS = 10 * 60.0
# … but nobody keeps goods from others for longer than this without ordering them.
LONGEST_SECONDS = 30 * 60.0
EXTEND_SECONDS = 20.0
# Many carts that expire at once are given back in statements of so many.
EXPIRE_BATCH = 200

Answer = TypeVar("Answer")


class Demand(NamedTuple):
    """What a cart wants, and what was read of the places and of its hold to decide where from."""

    cart_id: Any
    wanted: dict[int, int]
    places: dict[int, list[Place]]
    held: Held


class OutOfStockError(Exception):
    """There are fewer units than wanted, and this is certain: it was seen under lock."""


async def claim(
    database: Database,
    demand: Demand,
    carry: Callable[[Connection, Allocation], Awaitable[Answer]],
) -> Answer:
    """Run `carry` with an allocation of what was read; when others were faster, with one made under lock.

    So the last units of an item are sold wherever they are, and "too few" is never said of stock that only
    moved. Raises OutOfStockError.
    """
    allocation = allocate(demand.wanted, demand.places, demand.held)
    if allocation is not None:
        try:
            async with database.connection() as connection:
                return await carry(connection, allocation)
        except asyncpg.CheckViolationError:
            pass
    async with database.transaction() as connection:
        await connection.execute(queries.LOCK_CART, demand.cart_id)
        places = await lock_places(connection, sorted(demand.wanted))
        allocation = allocate(demand.wanted, places, demand.held)
        if allocation is None:
            raise OutOfStockError
        return await carry(connection, allocation)


async def lock_places(connection: Connection, variants: Sequence[int]) -> dict[int, list[Place]]:
    """Lock all places where the variants are, and return them by variant, in the order of use."""
    order = {row["id"]: n for n, row in enumerate(await connection.fetch(queries.LOCATION_ORDER))}
    rows = await connection.fetch(queries.LOCK_STOCK, variants)
    rows += await connection.fetch(queries.LOCK_BUCKETS, variants)
    places: dict[int, list[Place]] = {variant: [] for variant in variants}
    for row in sorted(rows, key=lambda row: order[row["location_id"]]):
        places[row["variant_id"]].append(Place(row["location_id"], row["bucket"], row["available"]))
    return places


async def put(connection: Connection, cart_id: Any, version: int, allocation: Allocation) -> datetime | None:
    """Make the cart hold these claims; returns until when, None when the cart has changed meanwhile."""
    until: datetime | None = await connection.fetchval(
        queries.HOLD,
        cart_id,
        HOLD_SECONDS,
        LONGEST_SECONDS,
        version,
        msgspec.json.encode(allocation.claims).decode(),
        *columns(allocation.moves, 4),
    )
    return until


async def extend(database: Database, cart_id: Any) -> datetime | None:
    """Let the hold last longer; returns the new end, None when it stays as it is."""
    async with database.connection() as connection:
        until: datetime | None = await connection.fetchval(
            queries.EXTEND, cart_id, HOLD_SECONDS, LONGEST_SECONDS, EXTEND_SECONDS
        )
        return until


async def drop(database: Database, cart_id: Any) -> bool:
    """Give back what the cart holds; returns whether it held anything."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(queries.DROP_HOLD, cart_id))


async def expire(database: Database) -> int:
    """Give back what expired; returns how many holds that were."""
    total = 0
    while True:
        async with database.connection() as connection:
            dropped = int(await connection.fetchval(queries.EXPIRE_HOLDS, EXPIRE_BATCH))
        total += dropped
        if dropped < EXPIRE_BATCH:
            return total
