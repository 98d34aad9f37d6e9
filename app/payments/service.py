"""Captures, refunds and voids; and takes in what the gateway reports.

Each verb is two short transactions around the gateway's call: the intent is written first, under the order's
lock and only when the ledger has room for it; then the gateway is asked; then the outcome is kept. A crash
leaves an intent that `settle_due_operations` finishes. The same key is carried out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog

from app.checkout.shop import Shop
from app.core.database import Connection
from app.core.money import format_money
from app.core.problems import Invalid, NotFound, Problem
from app.payments import queries
from app.payments.ports import Charge, GatewayAway, OperationKind, OperationRefused, Report

log = structlog.get_logger()

# The call is over long before.
SETTLE_AFTER_SECONDS = 15.0
RETRY_SECONDS = 20.0
SETTLE_BATCH = 100


class Operation(msgspec.Struct, frozen=True):
    """A capture, refund or void. While `pending` its outcome is being found out; `failed` has a `failure`."""

    id: int
    order_id: int
    key: str
    kind: OperationKind
    amount: int
    reason: str
    state: str
    failure: str | None
    created_at: datetime
    done_at: datetime | None


class Ledger(msgspec.Struct, frozen=True):
    """Where an order's payment stands, in minor units; what is pending counts as used."""

    order_id: int
    number: str
    token: str
    state: str
    currency: str
    payment_reference: str
    due: int
    authorized: int
    captured: int
    refunded: int
    voided: int
    payment_id: str | None
    gateway: str | None
    capturing: int
    refunding: int
    voiding: int

    @property
    def capturable(self) -> int:
        used = self.captured + self.voided + self.capturing + self.voiding
        return max(0, self.authorized - used)

    @property
    def refundable(self) -> int:
        return max(0, self.captured - self.refunded - self.refunding)


async def capture(shop: Shop, order_id: int, amount: int, key: str, reason: str = "") -> Operation:
    """Take so much of what is authorized. Raises Problem when that is more than is left."""
    return await _operate(shop, order_id, OperationKind.CAPTURE, amount, key=key, reason=reason)


async def refund(shop: Shop, order_id: int, amount: int, reason: str, key: str) -> Operation:
    """Give so much of what is captured back. Raises Problem when that is more than was captured."""
    return await _operate(shop, order_id, OperationKind.REFUND, amount, key=key, reason=reason)


async def void(shop: Shop, order_id: int, key: str | None = None, reason: str = "") -> Operation | None:
    """Let go of what is authorized and not captured; None when there is nothing of that."""
    return await _operate_rest(shop, order_id, OperationKind.VOID, key or f"void:{order_id}", reason)


async def read_ledger(connection: Connection, order_id: int) -> Ledger:
    """Where the order's payment stands. Raises NotFound."""
    row = await connection.fetchrow(queries.LEDGER, order_id)
    if row is None:
        raise NotFound(f"There is no order with id {order_id}.")
    return Ledger(**row)


async def return_stray_payment(shop: Shop, order_id: int) -> None:
    """Give back what a failed order's payment took all the same, late."""
    for kind in (OperationKind.VOID, OperationKind.REFUND):
        await _operate_rest(shop, order_id, kind, f"stray:{kind}:{order_id}", "the order had failed")


async def settle_due_operations(shop: Shop) -> int:
    """Finish every operation whose time has come; returns how many were claimed."""
    async with shop.database.connection() as connection:
        rows = await connection.fetch(queries.CLAIM_DUE, RETRY_SECONDS, SETTLE_BATCH)
    for row in rows:
        async with shop.database.connection() as connection:
            ledger = await read_ledger(connection, row["order_id"])
        operation = await _carry_out(shop, ledger, _operation(row))
        if operation.state == "pending":
            break
    return len(rows)


async def record_reports(connection: Connection, gateway: str, reports: list[Report]) -> int:
    """Keep the facts and defer the settling of pending orders; repeated and late reports change nothing.

    Returns how many of the reports belong to orders of this store.
    """
    payments = [report.payment for report in reports if report.receipt is None]
    known = 0
    if payments:
        row = await connection.fetchrow(
            queries.RECORD,
            gateway,
            [payment.reference for payment in payments],
            [str(payment.state) for payment in payments],
            [payment.amount for payment in payments],
            [payment.id for payment in payments],
            [f"{payment.id}:{payment.state}" for payment in payments],
        )
        known += int(row["known"]) if row else 0
    receipts = [(report.payment, report.receipt) for report in reports if report.receipt is not None]
    if receipts:
        known += await connection.fetchval(
            queries.RECORD_RECEIPTS,
            gateway,
            [payment.reference for payment, _ in receipts],
            [receipt.kind.fact for _, receipt in receipts],
            [receipt.amount for _, receipt in receipts],
            [payment.id for payment, _ in receipts],
            [receipt.id for _, receipt in receipts],
            [receipt.key for _, receipt in receipts],
        )
    return known


def make_charge(shop: Shop, order: Mapping[str, Any]) -> Charge:
    """What the gateway is asked for: of the order alone, the same each time."""
    return Charge(
        reference=order["payment_reference"],
        amount=order["due"],
        currency=order["currency"],
        return_url=f"{shop.public_url}/checkout/return/{order['number']}?token={order['token']}",
        payment_id=order.get("payment_id") or "",
    )


async def _operate_rest(
    shop: Shop, order_id: int, kind: OperationKind, key: str, reason: str
) -> Operation | None:
    async with shop.database.connection() as connection:
        known = await connection.fetchrow(queries.OPERATION, key)
        ledger = await read_ledger(connection, order_id)
    if known is not None:
        return await _operate(shop, order_id, kind, known["amount"], key=key, reason=reason)
    rest = ledger.refundable if kind is OperationKind.REFUND else ledger.capturable
    return await _operate(shop, order_id, kind, rest, key=key, reason=reason) if rest else None


async def _operate(
    shop: Shop, order_id: int, kind: OperationKind, amount: int, *, key: str, reason: str = ""
) -> Operation:
    if amount <= 0:
        raise Invalid({"amount": f"amount is {amount}: it must be more than 0"})
    async with shop.database.transaction() as connection:
        await connection.execute(queries.LOCK_ORDER, order_id)
        ledger = await read_ledger(connection, order_id)
        row = await connection.fetchrow(queries.OPERATION, key)
        if row is None:
            _check_room(shop, ledger, kind, amount)
            arguments = (order_id, key, kind, amount, reason, SETTLE_AFTER_SECONDS)
            row = await connection.fetchrow(queries.INTEND, *arguments)
    operation = _operation(row)
    if (operation.order_id, operation.kind, operation.amount) != (order_id, kind, amount):
        raise Problem(
            409,
            "idempotency-key-reused",
            "The key was used before",
            f"The key {key!r} came with another wish.",
        )
    return await _carry_out(shop, ledger, operation) if operation.state == "pending" else operation


def _check_room(shop: Shop, ledger: Ledger, kind: OperationKind, amount: int) -> None:
    room = ledger.refundable if kind is OperationKind.REFUND else ledger.capturable
    if amount > room:
        source = "captured" if kind is OperationKind.REFUND else "authorized"
        raise Problem(
            409,
            f"{kind}-too-large",
            f"The {kind} is too large",
            f"A {kind} of {format_money(amount, ledger.currency)} is wanted for order {ledger.number};"
            f" of what is {source}, {format_money(room, ledger.currency)} is left.",
        )
    if ledger.gateway != shop.gateway.name:
        raise Problem(
            409,
            "other-gateway",
            "Another gateway has the payment",
            f"Order {ledger.number} was paid through {ledger.gateway}; the store uses {shop.gateway.name}.",
        )


async def _carry_out(shop: Shop, ledger: Ledger, operation: Operation) -> Operation:
    charge = make_charge(shop, msgspec.structs.asdict(ledger))
    try:
        receipt = await shop.gateway.operate(charge, operation.kind, operation.amount, operation.key)
    except GatewayAway as error:
        log.warning("the gateway is away", order=ledger.number, operation=operation.kind, error=str(error))
        return operation
    except OperationRefused as refusal:
        log.error("the gateway refuses", order=ledger.number, operation=operation.kind, reason=str(refusal))
        async with shop.database.connection() as connection:
            await connection.execute(queries.FAIL, operation.key, str(refusal))
            return _operation(await connection.fetchrow(queries.OPERATION, operation.key))
    async with shop.database.connection() as connection:
        arguments = (operation.key, shop.gateway.name, receipt.id, operation.kind.fact, charge.payment_id)
        await connection.execute(queries.FINISH, *arguments)
        return _operation(await connection.fetchrow(queries.OPERATION, operation.key))


def _operation(row: Any) -> Operation:
    return msgspec.convert(dict(row), Operation)
