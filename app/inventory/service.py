"""Verbs on stock. Orders take and return it inside their own statements (see app.checkout.queries)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from app.core.database import Connection, open_direct
from app.core.problems import Problem
from app.core.settings import Settings
from app.inventory import queries
from app.inventory.allocation import Allocation, Claim, Held, Place, allocate, keep
from app.inventory.holds import Demand, OutOfStockError, claim, columns, drop, expire, extend, put
from app.inventory.queries import GIVE_BACK, carry_out

__all__ = [
    "GIVE_BACK",
    "Allocation",
    "Claim",
    "Demand",
    "Held",
    "OutOfStockError",
    "Place",
    "allocate",
    "carry_out",
    "claim",
    "columns",
    "drop",
    "expire",
    "extend",
    "keep",
    "put",
    "receive",
    "run",
    "set_available",
]

# The one location until a merchant opens a second.
MAIN = 1


async def set_available(connection: Connection, units: Sequence[tuple[int, int]], *, reason: str) -> None:
    """Make exactly so many units of each variant available, and book the differences.

    `units` holds (variant id, available units), each variant once. Reserved units stay reserved.
    """
    _check(units, least=0)
    await connection.execute(queries.SET_AVAILABLE, *_columns(units), MAIN, reason)


async def receive(connection: Connection, units: Sequence[tuple[int, int]], *, reason: str) -> None:
    """Add a receipt of goods: (variant id, units), each at least 1."""
    _check(units, least=1)
    await connection.execute(queries.RECEIVE, *_columns(units), MAIN, reason)


async def run(settings: Settings, variant_id: int, units: int) -> int:
    """The command `stock`: set the available units of a variant that has stock; returns the exit code."""
    try:
        async with open_direct(settings, size=1) as database, database.transaction() as connection:
            if not await connection.fetchval(queries.HAS_STOCK, variant_id, MAIN):
                raise ValueError(f"variant {variant_id} is not known: take an id from /api/v1/products")
            await set_available(connection, [(variant_id, units)], reason="counted")
    except (ValueError, Problem) as error:
        print(f"app stock: {error}", file=sys.stderr)
        return 1
    print(f"variant {variant_id}: {units} available")
    return 0


def _columns(units: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [variant for variant, _ in units], [count for _, count in units]


def _check(units: Sequence[tuple[int, int]], *, least: int) -> None:
    for variant, count in units:
        if count < least:
            raise ValueError(f"{count} units of variant {variant}: at least {least} are needed")
