"""A process that dies between any two steps: the recovery job leaves a complete order or none, paid or not.

Each run dies one step later than the one before, until one gets through: before and after each use of the
database, and before and after each call to the gateway.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.forms import Address, CheckoutRequest, PaymentChoice
from app.checkout.service import check_out, settle_due_orders
from app.checkout.shop import Shop
from app.core.database import Connection, Database
from app.core.settings import Settings
from app.payments.service import capture, make_charge, read_ledger, refund, settle_due_operations, void
from tests.app.factories import ADDRESS, fill_cart, make_variant, stock_of

UNITS = 4


class Death(BaseException):
    """The process ends here. No handler of the store's may take it for a fault."""


class Life:
    """Counts steps, and ends at the one it is told."""

    def __init__(self, ends_at: int) -> None:
        self.left = ends_at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Death


class MortalDatabase(Database):
    """The store's database, in a process that may die before and after each use of it."""

    def __init__(self, settings: Settings, life: Life) -> None:
        super().__init__(settings.database_dsn, size=2)
        self.life = life

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self.life.step()
        async with super().connection() as connection:
            yield connection
        self.life.step()


class MortalGateway:
    """The gateway, called by a process that may die before and after each call."""

    def __init__(self, shop: Shop, life: Life) -> None:
        self._inner, self._life = shop.gateway, life
        self.name = shop.gateway.name

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._inner, verb)

        async def carry(*arguments: Any, **options: Any) -> Any:
            self._life.step()
            answer = await call(*arguments, **options)
            self._life.step()
            return answer

        return carry


@asynccontextmanager
async def mortal(shop: Shop, settings: Settings, ends_at: int) -> AsyncIterator[tuple[Shop, Life]]:
    """The shop as a process has it that dies at this step."""
    life = Life(ends_at)
    database = MortalDatabase(settings, life)
    await database.open()
    try:
        yield replace(shop, database=database, gateway=MortalGateway(shop, life)), life  # type: ignore[arg-type]
    finally:
        await database.close()


async def lives_through(
    shop: Shop, settings: Settings, ends_at: int, work: Callable[[Shop], Awaitable[Any]]
) -> bool:
    """Whether the work came to its end before that step."""
    async with mortal(shop, settings, ends_at) as (dying, _):
        with contextlib.suppress(Death):
            await work(dying)
            return True
    return False


async def recover(shop: Shop, owner: asyncpg.Connection) -> None:
    """As the worker does, as soon as the time has come."""
    await owner.execute("UPDATE orders SET settle_at = now() WHERE settle_at IS NOT NULL")
    while await settle_due_orders(shop):
        pass


def wish(cart: str, token: str) -> CheckoutRequest:
    address = Address(**{"line2": "", **ADDRESS})
    return CheckoutRequest(uuid.UUID(cart), "ada@example.com", address, "standard", PaymentChoice(token))


async def check_whole(shop: Shop, owner: asyncpg.Connection, cart: str, variant: int) -> str | None:
    """An order that stands whole, or none that does; returns its state."""
    orders = await owner.fetch(
        "SELECT *, total - gift_card AS due FROM orders WHERE cart_id = $1", uuid.UUID(cart)
    )
    for order in orders:
        assert order["state"] in ("confirmed", "payment_failed")
        stands = order["state"] == "confirmed"
        payment = await shop.gateway.find(make_charge(shop, order))
        secured = payment is not None and payment.state.is_secured
        assert secured == stands, f"the order is {order['state']}, its payment {payment}"
        assert not stands or (payment and payment.amount == order["due"])
        lines = "SELECT sum(quantity) FROM order_lines WHERE order_id = $1"
        assert await owner.fetchval(lines, order["id"]) == 1
        mails = "SELECT count(*) FROM mails WHERE order_id = $1 AND kind = 'confirmation'"
        assert await owner.fetchval(mails, order["id"]) == int(stands)
    standing = [order for order in orders if order["state"] == "confirmed"]
    assert len(standing) <= 1
    state = await owner.fetchval("SELECT state FROM carts WHERE id = $1", uuid.UUID(cart))
    assert state == ("ordered" if standing else "open")
    assert await stock_of(owner, variant) == (UNITS - len(standing), len(standing))
    return standing[0]["state"] if standing else None


@pytest.mark.parametrize("at_order", [True, False])
@pytest.mark.parametrize("token", ["tok_ok", "tok_declined", "tok_3ds"])
async def test_a_checkout_that_dies_at_any_step_leaves_a_whole_order_or_none(
    *,
    client: httpx.Client,
    owner: asyncpg.Connection,
    shop: Shop,
    settings: Settings,
    token: str,
    at_order: bool,
) -> None:
    shop = replace(shop, captures_at_order=at_order)
    ends: list[str | None] = []
    for step in range(1, 100):
        variant = await make_variant(owner, stock=UNITS)
        cart, key = fill_cart(client, (variant, 1)), uuid.uuid4().hex
        request = wish(cart, token)
        lived = await lives_through(shop, settings, step, lambda dying: check_out(dying, key, request))  # noqa: B023
        # The buyer who was not answered asks again at once, as others would with a key of their own.
        again = await check_out(shop, key, request) if step % 2 else None
        await recover(shop, owner)
        ends.append(await check_whole(shop, owner, cart, variant))
        final = await check_out(shop, key, request)
        if ends[-1] == "confirmed":
            assert final.status == 201
            assert again is None or again.status in (201, 409)
        await recover(shop, owner)
        await check_whole(shop, owner, cart, variant)
        if lived:
            break
    else:
        pytest.fail("a checkout of a hundred steps")
    assert len(ends) > 8, "the steps were not seen"
    if token == "tok_ok":
        assert {None, "confirmed"} <= {*ends}
    assert await reconcile.run(settings) == 0


async def test_a_recovery_that_dies_at_any_step_is_finished_by_the_next(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, settings: Settings
) -> None:
    """The checkout died when the money was taken and nothing written; then the job dies as well."""
    for step in range(1, 100):
        variant = await make_variant(owner, stock=UNITS)
        cart, key = fill_cart(client, (variant, 1)), uuid.uuid4().hex

        class Taken(MortalGateway):
            async def take(self, *arguments: Any, **options: Any) -> None:
                await self._inner.take(*arguments, **options)
                raise Death

        with pytest.raises(Death):
            await check_out(replace(shop, gateway=Taken(shop, Life(0))), key, wish(cart, "tok_ok"))  # type: ignore[arg-type]
        await owner.execute("UPDATE orders SET settle_at = now() WHERE settle_at IS NOT NULL")
        lived = await lives_through(shop, settings, step, settle_due_orders)
        await recover(shop, owner)
        assert await check_whole(shop, owner, cart, variant) == "confirmed"
        if lived:
            break
    assert step > 4
    assert await reconcile.run(settings) == 0


@pytest.mark.parametrize("verb", ["capture", "refund", "void"])
async def test_an_operation_that_dies_at_any_step_is_carried_out_once_or_not_begun(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, settings: Settings, verb: str
) -> None:
    begun = []
    for step in range(1, 100):
        later = replace(shop, captures_at_order=verb == "refund")
        cart = fill_cart(client, (await make_variant(owner, stock=UNITS), 1))
        assert (await check_out(later, uuid.uuid4().hex, wish(cart, "tok_ok"))).status == 201
        order = int(await owner.fetchval("SELECT id FROM orders WHERE cart_id = $1", uuid.UUID(cart)))

        async def operate(dying: Shop, order: int = order) -> None:
            if verb == "capture":
                await capture(dying, order, 700, f"{order}:crash")
            elif verb == "refund":
                await refund(dying, order, 700, "crash", f"{order}:crash")
            else:
                await void(dying, order)

        lived = await lives_through(shop, settings, step, operate)
        await owner.execute("UPDATE payment_operations SET settle_at = now() WHERE settle_at IS NOT NULL")
        while await settle_due_operations(shop):
            pass
        async with shop.database.connection() as connection:
            ledger = await read_ledger(connection, order)
        known = await owner.fetch("SELECT state FROM payment_operations WHERE order_id = $1", order)
        assert [row["state"] for row in known] in ([], ["done"])
        done = {
            "capture": ledger.captured == 700,
            "refund": ledger.refunded == 700,
            "void": ledger.voided == ledger.due,
        }
        assert done[verb] == bool(known)
        begun.append(bool(known))
        if lived:
            break
    assert begun[0] is False
    assert begun[-1] is True
    assert await reconcile.run(settings) == 0
