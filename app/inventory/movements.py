"""Books what comes, goes, moves and is counted. All verbs run in the caller's transaction.

What they refuse they refuse whole, with a Problem that says how many units there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from app.core.database import Connection, Database
from app.core.problems import Problem
from app.inventory import movement_queries as queries
from app.inventory.allocation import Claim
from app.inventory.hot import gather
from app.inventory.rows import columns

# The location that every store has.
MAIN = 1

Units = Sequence[tuple[int, int]]


class Movement(msgspec.Struct, kw_only=True):
    """A line of the ledger; what left has a negative quantity."""

    id: int
    variant_id: int
    location: str
    kind: str
    quantity: int
    reason: str
    actor: str
    order_number: str | None
    created_at: datetime


class Why(NamedTuple):
    """What the ledger keeps with a movement: the reason, the order that caused it, the person who did it."""

    reason: str
    order_id: int | None = None
    actor: str = ""


async def set_available(
    connection: Connection, units: Units, *, reason: str, location: int = MAIN, actor: str = ""
) -> None:
    """Make exactly so many units of each variant available at the location, and book the differences.

    `units` holds (variant id, available units), each variant once. Reserved units stay reserved.
    """
    _check(units, least=0)
    await gather(connection, [variant for variant, _ in units], location)
    await connection.execute(queries.SET_AVAILABLE, *columns(units, 2), location, reason, actor)


async def receive(
    connection: Connection, units: Units, *, reason: str, location: int = MAIN, actor: str = ""
) -> None:
    """Add a receipt of goods: (variant id, units), each at least 1."""
    await _add(connection, units, "received", Why(reason, None, actor), location)


async def restock(
    connection: Connection,
    units: Units,
    *,
    reason: str,
    order_id: int | None = None,
    location: int = MAIN,
    actor: str = "",
) -> None:
    """Make returned goods available again; unlike `receive` they were sold before."""
    await _add(connection, units, "restocked", Why(reason, order_id, actor), location)


async def adjust(
    connection: Connection, changes: Units, *, reason: str, location: int = MAIN, actor: str = ""
) -> None:
    """Correct what is available, by units that may be negative: damage, loss, a count. Raises Problem."""
    if not reason.strip():
        raise ValueError("the reason is empty: an adjustment must say why")
    lessened = [variant for variant, units in changes if units < 0]
    await gather(connection, lessened, location)
    rows = [(variant, location, units, 0) for variant, units in changes]
    await _book(connection, rows, "adjusted", Why(reason, None, actor))


async def transfer(
    connection: Connection, units: Units, *, source: int, target: int, reason: str, actor: str = ""
) -> None:
    """Move available units from one location to another. Raises Problem."""
    _check(units, least=1)
    if source == target:
        raise ValueError(f"both ends of the transfer are location {source}: they must differ")
    await gather(connection, [variant for variant, _ in units], source)
    rows = [(variant, source, -count, 0) for variant, count in units]
    rows += [(variant, target, count, 0) for variant, count in units]
    await _book(connection, rows, "transferred", Why(reason, None, actor))


async def ship(
    connection: Connection, order_id: int, units: Units, *, location: int | None = None, actor: str = ""
) -> list[Claim]:
    """Let units that the order has reserved leave the house; returns from where. Raises Problem.

    They leave the locations in the order of priority, or the given one only.
    """
    parts = await _parts(connection, order_id, units, location)
    await connection.execute(queries.END_CLAIMS, order_id, *columns(parts, 3))
    rows = [(part.variant, part.location, 0, -part.units) for part in parts]
    await _book(connection, rows, "shipped", Why("shipped", order_id, actor))
    return parts


async def release(connection: Connection, order_id: int, units: Units | None = None) -> list[Claim]:
    """Make units that the order has reserved available again; all of them by default. Raises Problem."""
    parts = await _parts(connection, order_id, units, None)
    await connection.execute(queries.RELEASE_CLAIMS, order_id, *columns(parts, 3))
    return parts


async def list_movements(
    database: Database, variant: int, *, before: int | None = None, limit: int = 50
) -> list[Movement]:
    """The variant's ledger, newest first, of movements with smaller ids than `before`."""
    rows = await database.fetch(queries.MOVEMENTS, variant, before, limit)
    return [Movement(**row) for row in rows]


async def _parts(
    connection: Connection, order_id: int, units: Units | None, location: int | None
) -> list[Claim]:
    """Lock the order's claims and pick those that the units are."""
    rows = await connection.fetch(queries.CLAIMS, order_id)
    claims = [Claim(*row) for row in rows if location is None or row["location_id"] == location]
    if units is None:
        return claims
    _check(units, least=1)
    parts = []
    for variant, wanted in units:
        left = wanted
        for claim in claims:
            part = min(left, claim.units) if claim.variant == variant else 0
            if part:
                parts.append(claim._replace(units=part))
                left -= part
        if left:
            raise Problem(
                409,
                "not-reserved",
                "The order has not reserved so many",
                f"{wanted} units of variant {variant} are asked for: the order has {wanted - left} reserved.",
            )
    return parts


async def _add(connection: Connection, units: Units, kind: str, why: Why, location: int) -> None:
    _check(units, least=1)
    await _book(connection, [(variant, location, count, 0) for variant, count in units], kind, why)


async def _book(
    connection: Connection, rows: Sequence[tuple[int, int, int, int]], kind: str, why: Why
) -> None:
    """Book rows of (variant, location, available, reserved)."""
    await connection.execute(queries.MAKE_ROWS, *columns([row[:2] for row in rows], 2))
    try:
        # A savepoint, so that the caller may go on after a refusal.
        async with connection.transaction():
            await connection.fetchval(
                queries.BOOK, *columns(rows, 4), kind, why.reason, why.order_id, why.actor
            )
    except asyncpg.CheckViolationError as error:
        variants = ", ".join(map(str, sorted({row[0] for row in rows})))
        raise Problem(
            409,
            "too-few-units",
            "There are not so many units",
            f"Too few units of variant {variants} are there.",
        ) from error


def _check(units: Iterable[tuple[int, int]], *, least: int) -> None:
    for variant, count in units:
        if count < least:
            raise ValueError(f"{count} units of variant {variant}: at least {least} are needed")
