"""Receipts, adjustments, transfers, shipments and returns: each is booked with its reason."""

from __future__ import annotations

import secrets

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.core.problems import Invalid, Problem
from app.core.settings import Settings
from app.inventory import service
from app.orders import workflow
from tests.app.factories import check_out, fill_cart, make_variant

MAIN = service.MAIN


async def new_location(database: Database, priority: int) -> int:
    code = f"shop-{secrets.token_hex(4)}"
    async with database.transaction() as connection:
        return await service.save_location(connection, code, "A shop", priority)


async def there(owner: asyncpg.Connection, variant: int, location: int) -> tuple[int, int]:
    row = await owner.fetchrow(
        "SELECT coalesce(sum(available), 0) AS a, coalesce(sum(reserved), 0) AS r FROM stock_places"
        " WHERE variant_id = $1 AND location_id = $2",
        variant,
        location,
    )
    return row["a"], row["r"]


async def send(database: Database, order: int, location: int, units: int, actor: str = "test") -> None:
    """A parcel with so many units of the order's first line leaves that location."""
    async with database.transaction() as connection:
        parcel = await workflow.fulfil(connection, order, location=location, units={1: units}, actor=actor)
        await workflow.ship(connection, parcel, actor=actor)


async def ordered(client: httpx.Client, owner: asyncpg.Connection, *lines: tuple[int, int]) -> int:
    answer = check_out(client, fill_cart(client, *lines))
    assert answer.status_code == 201, answer.text
    number = answer.json()["order"]["number"]
    return int(await owner.fetchval("SELECT id FROM orders WHERE number = $1", number))


async def test_an_order_takes_the_rest_from_the_second_location(
    client: httpx.Client, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant, second = await make_variant(owner, stock=2), await new_location(database, 500)
    async with database.transaction() as connection:
        await service.receive(connection, [(variant, 3)], reason="delivery", location=second)
    assert client.get(f"/api/v1/carts/{fill_cart(client, (variant, 4))}").json()["lines"][0]["available"] == 5
    order = await ordered(client, owner, (variant, 4))
    assert await there(owner, variant, MAIN) == (0, 2)
    assert await there(owner, variant, second) == (1, 2)
    await send(database, order, MAIN, 2)
    await send(database, order, second, 1)
    assert await there(owner, variant, MAIN) == (0, 0)
    assert await there(owner, variant, second) == (1, 1)
    transaction = owner.transaction()
    await transaction.start()
    await service.release(owner, order)
    assert await there(owner, variant, second) == (2, 0)
    await transaction.rollback()
    await send(database, order, second, 1)
    assert await reconcile.run(settings) == 0


async def test_a_location_that_is_used_first_empties_first(
    client: httpx.Client, owner: asyncpg.Connection, database: Database
) -> None:
    variant, first = await make_variant(owner, stock=2), await new_location(database, 1)
    async with database.transaction() as connection:
        await service.receive(connection, [(variant, 2)], reason="delivery", location=first)
    await ordered(client, owner, (variant, 1))
    assert await there(owner, variant, first) == (1, 1)
    assert await there(owner, variant, MAIN) == (2, 0)


async def test_no_more_is_shipped_than_the_order_has_reserved(
    client: httpx.Client, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=5)
    order = await ordered(client, owner, (variant, 2))
    with pytest.raises(Problem, match="the order has 2 reserved"):
        async with database.transaction() as connection:
            await service.ship(connection, order, [(variant, 3)])
    await send(database, order, MAIN, 2, actor="ada@example.com")
    with pytest.raises(Problem, match="the order has 0 reserved"):
        async with database.transaction() as connection:
            await service.ship(connection, order, [(variant, 1)])
    assert await there(owner, variant, MAIN) == (3, 0)
    async with database.transaction() as connection:
        await service.restock(connection, [(variant, 1)], reason="returned unused", order_id=order)
    newest, shipped, *_ = await service.list_movements(database, variant)
    assert (newest.kind, newest.quantity, newest.reason) == ("restocked", 1, "returned unused")
    assert (shipped.kind, shipped.quantity, shipped.actor) == ("shipped", -2, "ada@example.com")
    assert shipped.order_number
    assert await reconcile.run(settings) == 0


async def test_an_adjustment_cannot_take_what_is_not_there(
    owner: asyncpg.Connection, database: Database
) -> None:
    variant = await make_variant(owner, stock=2)
    with pytest.raises(Problem, match=f"variant {variant}"):
        async with database.transaction() as connection:
            await service.adjust(connection, [(variant, -3)], reason="broken")
    with pytest.raises(ValueError, match="the reason is empty"):
        async with database.transaction() as connection:
            await service.adjust(connection, [(variant, -1)], reason=" ")
    async with database.transaction() as connection:
        await service.adjust(connection, [(variant, -2)], reason="broken")
    assert await there(owner, variant, MAIN) == (0, 0)


async def test_a_transfer_arrives_where_it_leaves_for(
    owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant, target = await make_variant(owner, stock=5), await new_location(database, 500)
    async with database.transaction() as connection:
        await service.transfer(connection, [(variant, 3)], source=MAIN, target=target, reason="window")
    assert await there(owner, variant, MAIN) == (2, 0)
    assert await there(owner, variant, target) == (3, 0)
    with pytest.raises(Problem, match="Too few units"):
        async with database.transaction() as connection:
            await service.transfer(connection, [(variant, 3)], source=MAIN, target=target, reason="window")
    with pytest.raises(ValueError, match="they must differ"):
        async with database.transaction() as connection:
            await service.transfer(connection, [(variant, 1)], source=MAIN, target=MAIN, reason="x")
    assert await reconcile.run(settings) == 0


async def test_a_location_is_made_once_and_then_changed(database: Database) -> None:
    code = f"l-{secrets.token_hex(4)}"
    async with database.transaction() as connection:
        made = await service.save_location(connection, code, "Depot", 300)
        assert await service.save_location(connection, code, "Depot North", 200) == made
        known = {place.code: place for place in await service.list_locations(connection)}
    assert (known[code].name, known[code].priority) == ("Depot North", 200)
    with pytest.raises(Invalid, match="code is 'Depot!'"):
        async with database.transaction() as connection:
            await service.save_location(connection, "Depot!", "Depot", 1)
