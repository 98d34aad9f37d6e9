"""Whatever is done with an order, in any order, its sums are right: a machine tries it on the database.

Each step is what staff, a carrier or the worker may do; what the order does not allow is refused and changes
nothing. At the end its money is settled and every ledger looked at.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import reconcile
from app.checkout.shop import Shop
from app.core.database import Connection, Database
from app.core.problems import Problem
from app.core.settings import Settings
from app.orders import workflow
from app.orders.money import settle_money
from app.orders.transitions import OrderState, Verb, allowed_verbs
from app.payments import service as payments
from app.payments.gateway import TestGateway as Gateway
from app.shipping.service import TableRates
from tests.app.conftest import Servers, with_path
from tests.app.factories import stock_of
from tests.app.orders.test_money import PRICE, balance, place
from tests.app.processes import Process
from tests.app.promotions.makers import make_gift_card

# More of them for a longer look.
STORIES = int(os.environ.get("STORIES", "8"))
Result = TypeVar("Result")
STOCK = 10


@dataclass
class Store:
    """What the machine works with, on a loop of its own: hypothesis calls plain functions."""

    runner: asyncio.Runner
    client: httpx.Client
    database: Database
    owner: asyncpg.Connection
    shop: Shop

    def run(self, work: Awaitable[Result]) -> Result:
        async def wait() -> Result:
            return await work

        return self.runner.run(wait())


@pytest.fixture
def store(servers: Servers, settings: Settings, client: httpx.Client, gateway: Process) -> Iterator[Store]:
    with asyncio.Runner() as runner:
        database, adapter = Database(settings.database_dsn), Gateway(settings)
        address = with_path(servers.admin, urlsplit(settings.database_url).path[1:])
        owner = runner.run(asyncpg.connect(address))
        runner.run(database.open())
        shop = Shop(database, adapter, TableRates(database), settings.public_url)
        yield Store(runner, client, database, owner, shop)
        for end in (owner.close, adapter.close, database.close):
            runner.run(end())


class Story(RuleBasedStateMachine):
    """One order and what was done with it."""

    store: ClassVar[Store]

    @initialize(
        quantities=st.lists(st.integers(1, 3), min_size=1, max_size=2),
        gift=st.sampled_from([0, 1, 900, PRICE + 390, 50_000]),
        at_order=st.booleans(),
    )
    def order(self, quantities: list[int], gift: int, *, at_order: bool) -> None:
        run, owner = self.store.run, self.store.owner
        self.quantities, self.fulfilments, self.given = quantities, list[int](), 0
        self.sent, self.cancelled = [0] * len(quantities), [0] * len(quantities)
        self.card, code = run(make_gift_card(owner, max(gift, 1)))
        self.gift = max(gift, 1)
        shop = replace(self.store.shop, captures_at_order=at_order)
        self.id = run(place(self.store.client, owner, shop, *quantities, code=code if gift else ""))

    @rule(line=st.integers(0, 1), units=st.integers(1, 3))
    def pack(self, line: int, units: int) -> None:
        async def work(connection: Connection) -> int:
            wanted = {line + 1: units}
            return await workflow.fulfil(connection, self.id, location=1, units=wanted, actor="story")

        made = self.do(Verb.SHIP, work)
        if made is not None:
            self.fulfilments.append(made)

    @rule(which=st.integers(0, 5))
    def ship(self, which: int) -> None:
        self.on_parcel(Verb.SHIP, which, workflow.ship)

    @rule(which=st.integers(0, 5))
    def deliver(self, which: int) -> None:
        self.on_parcel(Verb.DELIVER, which, workflow.deliver)

    @rule(which=st.integers(0, 5))
    def undo(self, which: int) -> None:
        if self.fulfilments:
            chosen = self.fulfilments[which % len(self.fulfilments)]
            self.do(None, lambda connection: workflow.drop(connection, chosen))

    @rule(line=st.integers(0, 1), units=st.integers(0, 3))
    def cancel(self, line: int, units: int) -> None:
        async def work(connection: Connection) -> OrderState:
            wanted = {line + 1: units} if units else None
            return await workflow.cancel(connection, self.id, units=wanted, reason="story", actor="story")

        self.do(Verb.CANCEL, work)

    @rule(amount=st.integers(1, 2 * PRICE))
    def refund(self, amount: int) -> None:
        key = f"story:{self.id}:{self.given}"
        try:
            self.store.run(payments.refund(self.store.shop, self.id, amount, "goodwill", key))
        except Problem as problem:
            assert problem.type == "refund-too-large", problem  # noqa: PT017
        else:
            self.given += 1

    @rule()
    def settle(self) -> None:
        self.store.run(settle_money(self.store.shop, self.id))

    @invariant()
    def units_and_stock_agree(self) -> None:
        rows = self.store.run(
            self.store.owner.fetch(
                "SELECT l.variant_id, l.quantity, l.cancelled, coalesce(sum(fl.quantity)"
                " FILTER (WHERE f.state IN ('shipped', 'delivered')), 0)::integer AS sent"
                " FROM order_lines l LEFT JOIN fulfilments f ON f.order_id = l.order_id"
                " LEFT JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id AND fl.position = l.position"
                " WHERE l.order_id = $1 GROUP BY 1, 2, 3",
                self.id,
            )
        )
        for row in rows:
            waiting = row["quantity"] - row["cancelled"] - row["sent"]
            assert waiting >= 0
            available, reserved = self.store.run(stock_of(self.store.owner, row["variant_id"]))
            assert (available, reserved) == (STOCK - row["sent"] - waiting, waiting)

    def teardown(self) -> None:
        run, owner = self.store.run, self.store.owner
        if not hasattr(self, "id"):
            return
        for _ in range(2):
            run(settle_money(self.store.shop, self.id))
        run(owner.execute("DELETE FROM procrastinate_jobs WHERE lock = $1", f"order:{self.id}"))
        assert run(reconcile.check(owner)) == 0
        state = self.state()
        if state is OrderState.CANCELLED:
            assert run(balance(owner, self.card)) == self.gift
        if not allowed_verbs(state) or state is OrderState.SHIPPED:
            ledger = run(self.ledger())
            assert ledger.authorized in (0, ledger.captured + ledger.voided)

    def on_parcel(self, verb: Verb, which: int, work: Callable[..., Awaitable[Any]]) -> None:
        if self.fulfilments:
            chosen = self.fulfilments[which % len(self.fulfilments)]
            self.do(verb, lambda connection: work(connection, chosen, actor="story"))

    def do(self, verb: Verb | None, work: Callable[[Connection], Awaitable[Result]]) -> Result | None:
        """Try it; a refusal changes nothing, and what the state's table does not hold is always refused."""
        before = self.state()

        async def change() -> Result:
            async with self.store.database.transaction() as connection:
                return await work(connection)

        try:
            result = self.store.run(change())
        except Problem as problem:
            assert problem.status == 409, problem  # noqa: PT017
            assert self.state() is before
            return None
        assert verb is None or verb in allowed_verbs(before)
        return result

    def state(self) -> OrderState:
        found = self.store.owner.fetchval("SELECT state FROM orders WHERE id = $1", self.id)
        return OrderState(self.store.run(found))

    async def ledger(self) -> payments.Ledger:
        async with self.store.database.connection() as connection:
            return await payments.read_ledger(connection, self.id)


def test_whatever_is_done_in_any_order_the_sums_are_right(store: Store) -> None:
    Story.store = store
    slow = list(HealthCheck)
    run_state_machine_as_test(
        Story, settings=settings(max_examples=STORIES, stateful_step_count=14, deadline=None,
                                 suppress_health_check=slow, derandomize=False, print_blob=True)
    )  # fmt: skip
