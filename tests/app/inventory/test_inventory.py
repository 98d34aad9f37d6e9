"""Stock and its ledger."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as some

from app.core.database import Database
from app.core.settings import Settings
from app.inventory import command, service
from tests.app.factories import make_variant, stock_of


async def movements(owner: asyncpg.Connection, variant: int) -> list[tuple[str, int]]:
    rows = await owner.fetch(
        "SELECT kind, quantity FROM stock_movements WHERE variant_id = $1 ORDER BY id", variant
    )
    return [(row["kind"], row["quantity"]) for row in rows]


async def test_an_import_books_the_difference_and_repeated_books_nothing(
    database: Database, owner: asyncpg.Connection
) -> None:
    known, new = await make_variant(owner, stock=10), 10**15
    for _ in range(2):
        async with database.transaction() as connection:
            await service.set_available(connection, [(known, 4), (new, 7)], reason="import")
    assert await stock_of(owner, known) == (4, 0)
    assert await movements(owner, known) == [("received", 10), ("adjusted", -6)]
    assert await movements(owner, new) == [("received", 7)]
    await owner.execute("DELETE FROM stock WHERE variant_id = $1", new)
    await owner.execute("DELETE FROM stock_movements WHERE variant_id = $1", new)


async def test_a_receipt_adds(database: Database, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=1)
    async with database.transaction() as connection:
        await service.receive(connection, [(variant, 5), (variant, 2)], reason="delivery 7")
    assert await stock_of(owner, variant) == (8, 0)


@pytest.mark.parametrize("units", [-1, 0])
async def test_less_than_nothing_cannot_be_received(database: Database, units: int) -> None:
    async with database.transaction() as connection:
        with pytest.raises(ValueError, match=f"{units} units of variant 1"):
            await service.receive(connection, [(1, units)], reason="x")


@limits(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(some.tuples(some.sampled_from(["set", "receive"]), some.integers(1, 1000)), max_size=6))
async def test_the_ledger_explains_the_stock_after_any_changes(
    database: Database, owner: asyncpg.Connection, changes: list[tuple[str, int]]
) -> None:
    variant = await make_variant(owner, stock=3)
    for verb, units in changes:
        change = service.set_available if verb == "set" else service.receive
        async with database.transaction() as connection:
            await change(connection, [(variant, units)], reason="test")
    available, reserved = await stock_of(owner, variant)
    assert sum(quantity for _, quantity in await movements(owner, variant)) == available + reserved


async def test_the_command_sets_stock_and_refuses_what_it_does_not_know(
    settings: Settings, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = await make_variant(owner, stock=3)
    assert await command.set_units(settings, variant, 50) == 0
    assert await stock_of(owner, variant) == (50, 0)
    assert await command.set_units(settings, 10**17, 50) == 1
    assert "is not known" in capsys.readouterr().err
