"""Captures, refunds and voids: never more than there is, once for each key, finished whatever dies."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.shop import Shop
from app.core.problems import Problem
from app.payments import queries, service
from app.payments.ports import GatewayAway, OperationKind, Payment, PaymentState, Receipt, Report
from app.payments.service import (
    capture,
    read_ledger,
    record_reports,
    refund,
    settle_due_operations,
    void,
)
from tests.app.factories import check_out, fill_cart, make_variant


async def ledger_of(shop: Shop, order_id: int) -> service.Ledger:
    async with shop.database.connection() as connection:
        return await read_ledger(connection, order_id)


async def buy(client: httpx.Client, owner: asyncpg.Connection) -> int:
    """A paid order; returns its id."""
    cart = fill_cart(client, (await make_variant(owner, price=10_000), 1))
    assert check_out(client, cart).status_code == 201
    return int(await owner.fetchval("SELECT id FROM orders WHERE cart_id = $1", uuid.UUID(cart)))


async def authorize(client: httpx.Client, owner: asyncpg.Connection, shop: Shop) -> int:
    """An order whose payment is authorized and not captured."""
    from app.checkout.forms import Address, CheckoutRequest, PaymentChoice
    from app.checkout.service import check_out as place
    from tests.app.factories import ADDRESS

    cart = fill_cart(client, (await make_variant(owner, price=10_000), 1))
    address = Address(**{"line2": "", **ADDRESS})
    request = CheckoutRequest(
        uuid.UUID(cart), "ada@example.com", address, "standard", PaymentChoice("tok_ok")
    )
    answer = await place(replace(shop, captures_at_order=False), uuid.uuid4().hex, request)
    assert answer.status == 201
    return int(await owner.fetchval("SELECT id FROM orders WHERE cart_id = $1", uuid.UUID(cart)))


async def test_what_is_authorized_is_captured_in_parts_and_the_rest_let_go(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order = await authorize(client, owner, shop)
    due = (await ledger_of(shop, order)).due
    assert (await capture(shop, order, 4000, f"{order}:1")).state == "done"
    assert (await capture(shop, order, 1000, f"{order}:2")).state == "done"
    with pytest.raises(Problem, match="capture-too-large"):
        await capture(shop, order, due, f"{order}:3")
    voided = await void(shop, order)
    assert voided
    assert voided.amount == due - 5000
    with pytest.raises(Problem, match="capture-too-large"):
        await capture(shop, order, 1, f"{order}:4")
    assert (await refund(shop, order, 2000, "damaged", f"{order}:5")).state == "done"
    with pytest.raises(Problem, match="refund-too-large"):
        await refund(shop, order, 3001, "greedy", f"{order}:6")
    ledger = await ledger_of(shop, order)
    assert (ledger.captured, ledger.refunded, ledger.voided) == (5000, 2000, due - 5000)
    assert await reconcile.check(owner) == 0


async def test_one_key_is_carried_out_once_and_never_means_two_things(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order, key = await buy(client, owner), uuid.uuid4().hex
    done = await asyncio.gather(*[refund(shop, order, 500, "late", key) for _ in range(8)])
    assert {one.id for one in done} == {done[0].id}
    assert (await ledger_of(shop, order)).refunded == 500
    with pytest.raises(Problem, match="idempotency-key-reused"):
        await refund(shop, order, 501, "late", key)


@pytest.mark.parametrize("kind", [OperationKind.CAPTURE, OperationKind.REFUND])
async def test_a_crowd_never_takes_or_gives_back_more_than_there_is(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, kind: OperationKind
) -> None:
    captured = kind is OperationKind.REFUND
    order = await (buy(client, owner) if captured else authorize(client, owner, shop))

    async def one(number: int) -> bool:
        key = f"{order}:{kind}:{number}"
        try:
            if captured:
                return (await refund(shop, order, 3000, "crowd", key)).state == "done"
            return (await capture(shop, order, 3000, key)).state == "done"
        except Problem as problem:
            if problem.type != f"{kind}-too-large":
                raise
            return False

    won = await asyncio.gather(*[one(number) for number in range(12)])
    assert sum(won) == 3
    ledger = await ledger_of(shop, order)
    assert (ledger.refunded if captured else ledger.captured) == 9000


async def test_an_operation_whose_answer_is_lost_is_finished_by_the_recovery_job(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order, key = await buy(client, owner), uuid.uuid4().hex

    class Deaf:
        """Carries out, and loses the answer."""

        def __getattr__(self, name: str) -> object:
            return getattr(shop.gateway, name)

        async def operate(self, *arguments: object) -> None:
            await shop.gateway.operate(*arguments)  # type: ignore[arg-type]
            raise GatewayAway("lost", sent=True)

    deaf = replace(shop, gateway=Deaf())  # type: ignore[arg-type]
    assert (await refund(deaf, order, 700, "lost", key)).state == "pending"
    assert (await ledger_of(shop, order)).refundable == (await ledger_of(shop, order)).captured - 700
    await owner.execute("UPDATE payment_operations SET settle_at = now() WHERE key = $1", key)
    assert await settle_due_operations(shop) >= 1
    row = await owner.fetchrow(queries.OPERATION, key)
    assert row["state"] == "done"
    assert (await ledger_of(shop, order)).refunded == 700
    assert await reconcile.check(owner) == 0


async def test_a_crash_before_the_gateway_was_asked_is_finished_too(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order, key = await buy(client, owner), uuid.uuid4().hex
    await owner.execute(
        "INSERT INTO payment_operations (order_id, key, kind, amount, settle_at)"
        " VALUES ($1, $2, 'refund', 300, now() - interval '1 second')",
        order,
        key,
    )
    await settle_due_operations(shop)
    assert (await ledger_of(shop, order)).refunded == 300


async def test_a_payment_that_arrives_after_its_order_failed_is_given_back(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    from app.checkout.service import settle_order

    order = await buy(client, owner)
    await owner.execute("UPDATE orders SET state = 'payment_failed' WHERE id = $1", order)
    await settle_order(shop, order)
    await settle_order(shop, order)
    ledger = await ledger_of(shop, order)
    assert ledger.captured == ledger.refunded > 0
    # Undone by hand above: put back what else belongs to a failed order.
    await owner.execute("UPDATE orders SET state = 'confirmed' WHERE id = $1", order)


async def test_a_refund_that_is_reported_while_it_is_written_down_is_written_down_once(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order, key = await buy(client, owner), uuid.uuid4().hex
    ledger = await ledger_of(shop, order)
    taken = Payment(
        ledger.payment_id or "", ledger.payment_reference, PaymentState.CAPTURED, ledger.captured, "EUR"
    )
    given_back = Report(taken, Receipt(f"ref_{key}", key, OperationKind.REFUND, 400))

    async def tell() -> int:
        async with shop.database.transaction() as connection:
            return await record_reports(connection, shop.gateway.name, [given_back])

    async with shop.database.connection() as connection:
        await connection.fetchrow(queries.INTEND, order, key, "refund", 400, "damaged", 60.0)
    async with shop.database.transaction() as connection:
        # As far as FINISH gets before it writes the event.
        await connection.execute("SELECT FROM payment_operations WHERE key = $1 FOR UPDATE", key)
        told = asyncio.create_task(tell())
        await asyncio.sleep(0.2)
        finish = (key, shop.gateway.name, f"ref_{key}", "refunded", taken.id)
        await connection.execute(queries.FINISH, *finish)
    assert await told == 1
    assert (await ledger_of(shop, order)).refunded == 400
