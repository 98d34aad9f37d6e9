"""Stock that is spread over buckets sells exactly what there is, down to the last unit."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as limits
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import reconcile
from app.cart import service as carts
from app.core.database import Database
from app.core.problems import Problem
from app.core.settings import Settings
from app.inventory import hot, service
from tests.app.checkout.test_crowd import fill, order
from tests.app.factories import make_variant

MAIN = service.MAIN


async def layout(owner: asyncpg.Connection, variant: int) -> tuple[int, int, int]:
    """Buckets in use, units in the row, units in buckets."""
    row = await owner.fetchrow(
        "SELECT buckets, available, (SELECT coalesce(sum(available), 0) FROM stock_buckets b"
        " WHERE b.variant_id = s.variant_id) AS spread FROM stock s WHERE variant_id = $1",
        variant,
    )
    return row["buckets"], row["available"], row["spread"]


async def spread(database: Database, variant: int) -> bool:
    async with database.transaction() as connection:
        return await service.spread(connection, variant, MAIN)


async def buy(crowd: httpx.AsyncClient, variant: int, quantity: int = 1) -> int:
    """Buy until it is certain that there are too few; returns the last status."""
    return (await order(crowd, await fill(crowd, (variant, quantity)))).status_code


async def test_units_are_spread_and_gathered_without_loss(
    owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=100)
    assert await spread(database, variant)
    assert await layout(owner, variant) == (100 // hot.LEAST_PER_BUCKET, 0, 100)
    async with database.transaction() as connection:
        await service.set_available(connection, [(variant, 90)], reason="counted")
    assert await layout(owner, variant) == (0, 90, 0)
    assert await reconcile.run(settings) == 0


async def test_too_few_units_stay_together(owner: asyncpg.Connection, database: Database) -> None:
    variant = await make_variant(owner, stock=hot.LEAST_BUCKETS * hot.LEAST_PER_BUCKET - 1)
    assert not await spread(database, variant)
    assert (await layout(owner, variant))[0] == 0


async def test_three_hundred_buyers_of_a_spread_item_get_exactly_its_units(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=100)
    await spread(database, variant)
    outcome = Counter(await asyncio.gather(*[buy(crowd, variant) for _ in range(300)]))
    assert outcome == {201: 100, 409: 200}
    assert await reconcile.run(settings) == 0


async def test_a_large_order_collects_the_last_units_from_all_buckets(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, database: Database
) -> None:
    variant = await make_variant(owner, stock=64)
    await spread(database, variant)
    assert await buy(crowd, variant, 64) == 201
    assert await buy(crowd, variant, 1) == 409


async def test_spreading_and_gathering_under_buyers_lose_and_invent_nothing(
    crowd: httpx.AsyncClient, owner: asyncpg.Connection, database: Database, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=120)

    async def shuffle() -> None:
        for number in range(12):
            if number % 2:
                async with database.transaction() as connection:
                    await service.gather(connection, [variant])
            else:
                await spread(database, variant)
            await asyncio.sleep(0.05)

    outcome, _ = await asyncio.gather(
        asyncio.gather(*[buy(crowd, variant, 1 + number % 3) for number in range(100)]), shuffle()
    )
    sold = sum(1 + number % 3 for number, status in enumerate(outcome) if status == 201)
    assert sold <= 120
    assert sold >= 118
    assert await reconcile.run(settings) == 0


async def test_what_sells_fast_is_spread_and_gathered_again_when_the_rush_is_over(
    crowd: httpx.AsyncClient,
    owner: asyncpg.Connection,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hot, "HOT_LINES", 10)
    rushed, calm = await make_variant(owner, stock=1000), await make_variant(owner, stock=1000)
    await asyncio.gather(*[buy(crowd, rushed) for _ in range(15)], buy(crowd, calm))
    await service.tend(database)
    assert (await layout(owner, rushed))[0] == hot.BUCKETS
    assert (await layout(owner, calm))[0] == 0
    monkeypatch.setattr(hot, "HOT_SECONDS", 0.0)
    await service.tend(database)
    assert await layout(owner, rushed) == (0, 985, 0)


class Stock(RuleBasedStateMachine):
    """Any sequence of holds, orders' ends, receipts, counts and layouts against a model that only counts."""

    def __init__(self, run: Any, database: Database, owner: asyncpg.Connection, variant: int) -> None:
        super().__init__()
        self.run, self.database, self.owner, self.variant = run, database, owner, variant
        # Each run starts alike, as the one before left nothing held.
        self._book(service.set_available, 5)
        self.total = 5
        self.held: dict[uuid.UUID, int] = {}

    @property
    def free(self) -> int:
        return self.total - sum(self.held.values())

    @rule(units=some.integers(1, 9))
    def receive(self, units: int) -> None:
        self._book(service.receive, units)
        self.total += units

    @rule(units=some.integers(-9, -1))
    def lose(self, units: int) -> None:
        try:
            self._book(service.adjust, units)
            lost = True
        except Problem:
            lost = False
        assert lost == (self.free + units >= 0)
        self.total += units if lost else 0

    @rule(buckets=some.sampled_from([0, 1, 2, 5]))
    def lay_out(self, buckets: int) -> None:
        async def change() -> None:
            async with self.database.transaction() as connection:
                await hot._lay_out(connection, self.variant, MAIN, buckets)

        self.run(change())

    @rule(units=some.integers(1, 9))
    def hold(self, units: int) -> None:
        async def fill() -> uuid.UUID:
            cart = await carts.create_cart(self.database)
            await carts.add_line(self.database, cart, self.variant, units)
            return cart

        cart = self.run(fill())
        try:
            self.run(carts.hold(self.database, cart))
            got = True
        except Problem:
            got = False
        assert got == (self.free >= units)
        if got:
            self.held[cart] = units

    @precondition(lambda self: self.held)
    @rule(data=some.data())
    def change_held_cart(self, data: Any) -> None:
        cart = list(self.held)[data.draw(some.integers(0, len(self.held) - 1))]
        self.run(carts.add_line(self.database, cart, self.variant, 2))
        if self.free >= 2:
            self.held[cart] += 2
        else:
            self.run(carts.end_hold(self.database, cart))
            del self.held[cart]

    @precondition(lambda self: self.held)
    @rule(data=some.data())
    def end(self, data: Any) -> None:
        cart = list(self.held)[data.draw(some.integers(0, len(self.held) - 1))]
        self.run(carts.end_hold(self.database, cart))
        del self.held[cart]

    @invariant()
    def the_sums_are_right(self) -> None:
        row = self.run(self.owner.fetchrow(SUMS, self.variant))
        assert (row["available"], row["reserved"]) == (self.free, sum(self.held.values()))

    def teardown(self) -> None:
        for cart in self.held:
            self.run(carts.end_hold(self.database, cart))

    def _book(self, verb: Any, units: int) -> None:
        async def book() -> None:
            async with self.database.transaction() as connection:
                await verb(connection, [(self.variant, units)], reason="test")

        self.run(book())


SUMS = """
SELECT sum(available) AS available, sum(reserved) AS reserved FROM stock_places WHERE variant_id = $1
"""


async def test_any_sequence_of_changes_keeps_the_sums(
    database: Database, owner: asyncpg.Connection, settings: Settings
) -> None:
    variant = await make_variant(owner, stock=5)
    loop = asyncio.get_running_loop()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    class OfThisTest(Stock):
        def __init__(self) -> None:
            super().__init__(run, database, owner, variant)

    def explore() -> None:
        run_state_machine_as_test(
            OfThisTest,
            settings=limits(
                max_examples=15,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )

    await asyncio.to_thread(explore)
    assert await reconcile.run(settings) == 0
