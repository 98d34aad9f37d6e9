"""Checks that every ledger balances row by row, on one snapshot of the database.

Exit code 0 when all do; else 1, and the offending rows, one JSON object a line.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import asyncpg
import msgspec

from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings

# More rows of one check help nobody.
MOST_ROWS = 50

_APP = Path(__file__).parent


def collect_checks() -> dict[str, str]:
    """The dictionary `CHECKS` of each `app/<package>/ledgers.py`.

    It maps a sentence that must be true to a query of the rows for which it is false.
    """
    checks: dict[str, str] = {}
    for path in sorted(_APP.glob("*/ledgers.py")):
        checks |= import_module(f"app.{path.parent.name}.ledgers").CHECKS
    return checks


async def run(settings: Settings) -> int:
    """Run all checks; returns the exit code."""
    try:
        async with (
            open_direct(settings, size=1) as database,
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await check(connection)
    except Problem as problem:
        print(f"app reconcile: the database cannot be asked: {problem.detail}", file=sys.stderr)
        return 2


async def check(connection: asyncpg.Connection) -> int:
    """Run all checks on this connection and print the outcome; returns the exit code."""
    failed = 0
    for sentence, query in collect_checks().items():
        rows = await connection.fetch(f"{query} LIMIT {MOST_ROWS}", timeout=300)
        print(f"{'off' if rows else 'ok '}  {sentence}")
        for row in rows:
            print(f"     {msgspec.json.encode(dict(row), enc_hook=str).decode()}")
        failed += bool(rows)
    return 1 if failed else 0
