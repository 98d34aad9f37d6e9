"""The release step: once, twice, at the same time, and when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

import asyncpg
import pytest

from app.core.settings import Settings


def start_release(environ: dict[str, str], **changes: str) -> subprocess.Popen[str]:
    address = environ["DATABASE_DIRECT_URL"].replace("store@", "migrator@", 1)
    return subprocess.Popen(
        [sys.executable, "-m", "app", "release"],
        env={**os.environ, **environ, "DATABASE_DIRECT_URL": address, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_releases_at_the_same_time_wait_for_each_other(environ: dict[str, str], settings: Settings) -> None:
    releases = [start_release(environ) for _ in range(3)]
    for one in releases:
        out, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
        assert "schema is current" in out


def test_a_release_that_may_not_sign_in_says_so(environ: dict[str, str], settings: Settings) -> None:
    address = environ["DATABASE_DIRECT_URL"].replace("store@", "nobody@", 1)
    one = start_release(environ, DATABASE_DIRECT_URL=address)
    _, errors = one.communicate(timeout=90)
    assert one.returncode == 1
    assert "nobody" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("table", ["payment_events", "stock_movements", "order_history"])
async def test_the_store_cannot_rewrite_a_ledger(owner: asyncpg.Connection, table: str) -> None:
    async def attempt(statement: str) -> None:
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE store")
            await owner.execute(statement)

    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"UPDATE {table} SET order_id = 0"):  # noqa: S608
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedColumnError)):
            await attempt(statement)


async def test_the_store_cannot_change_the_schema(owner: asyncpg.Connection) -> None:
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE store")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute("ALTER TABLE orders ADD COLUMN x integer")
