"""Reads an order for whoever holds its token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.checkout.forms import Address
from app.core.database import Connection, Database
from app.core.money import Money
from app.core.problems import NotFound
from app.orders import queries, workflow_queries
from app.orders.invoices import Issued, list_documents
from app.orders.transitions import OrderState


class OrderLine(msgspec.Struct):
    """What was bought, as it was called and priced then."""

    variant_id: int
    sku: str
    title: str
    quantity: int
    unit_price: Money
    # Of the whole line; `total` is what is left after it.
    discount: Money
    tax: Money
    # In basis points: 1900 is 19 %.
    tax_rate: int
    total: Money
    # Units that were cancelled.
    cancelled: int


class ParcelLine(msgspec.Struct):
    """What is in a parcel."""

    sku: str
    title: str
    quantity: int


class Fulfilment(msgspec.Struct, kw_only=True):
    """What one location sends at once; `open` while it is packed."""

    parcel: int
    state: str
    location: str
    carrier: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime | None
    delivered_at: datetime | None
    lines: list[ParcelLine]


class Benefit(msgspec.Struct):
    """A promotion that applied: what it took off the lines, and off the delivery."""

    title: str
    code: str | None
    amount: Money
    shipping: Money


class Step(msgspec.Struct):
    """A state the order entered."""

    state: str
    reason: str
    at: datetime


class Order(msgspec.Struct, kw_only=True):
    """An order as the API shows it."""

    number: str
    state: OrderState
    created_at: datetime
    email: str
    shipping_address: Address
    shipping_method: str
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    benefits: list[Benefit]
    shipping: Money
    tax: Money
    # Whether the prices hold the tax already; else it is added to them.
    tax_included: bool
    shipping_tax: Money
    shipping_tax_rate: int
    total: Money
    # The part of the total that gift cards pay.
    gift_card: Money
    fulfilments: list[Fulfilment]
    # Invoice and credit notes.
    documents: list[Issued]
    history: list[Step]
    # Where the shopper confirms the payment, while it waits for that.
    action_url: str | None

    @property
    def may_cancel(self) -> bool:
        """Whether its buyer may cancel it now."""
        return self.state is OrderState.CONFIRMED


async def read_order(database: Database, number: str, token: str) -> Order:
    """Return the order. Raises the same NotFound for a wrong number and a wrong token."""
    row = await database.fetchrow(queries.ORDER, number)
    if row is None or not hmac.compare_digest(row["token"].encode(), token.encode()):
        raise NotFound("There is no such order, or its token is wrong.")
    return await _show(database, row)


async def find_order(database: Database | Connection, number: str) -> Order:
    """Return the order to staff or their systems, without its token. Raises NotFound."""
    row = None if "\0" in number else await database.fetchrow(queries.ORDER, number)
    if row is None:
        raise NotFound(f"There is no order {number!r}.")
    return await _show(database, row)


async def _show(database: Database | Connection, row: Mapping[str, Any]) -> Order:
    currency = row["currency"]
    lines = [
        OrderLine(
            variant_id=line["variant_id"],
            sku=line["sku"],
            title=line["title"],
            quantity=line["quantity"],
            unit_price=Money(line["unit_price"], currency),
            discount=Money(line["discount"], currency),
            tax=Money(line["tax"], currency),
            tax_rate=line["tax_rate"],
            total=Money(line["unit_price"] * line["quantity"] - line["discount"], currency),
            cancelled=line["cancelled"],
        )
        for line in await database.fetch(queries.LINES, row["id"])
    ]
    return Order(
        number=row["number"],
        state=OrderState(row["state"]),
        created_at=row["created_at"],
        email=row["email"],
        shipping_address=msgspec.json.decode(row["shipping_address"], type=Address),
        shipping_method=row["shipping_method"],
        lines=lines,
        subtotal=Money(row["subtotal"], currency),
        discount=Money(row["discount"], currency),
        benefits=[_benefit(one, currency) for one in msgspec.json.decode(row["benefits"])],
        shipping=Money(row["shipping"], currency),
        tax=Money(row["tax"], currency),
        tax_included=row["tax_included"],
        shipping_tax=Money(row["shipping_tax"], currency),
        shipping_tax_rate=row["shipping_tax_rate"],
        total=Money(row["total"], currency),
        gift_card=Money(row["gift_card"], currency),
        fulfilments=await read_fulfilments(database, row["id"]),
        documents=await list_documents(database, row["id"]),
        history=[Step(**step) for step in await database.fetch(queries.HISTORY, row["id"])],
        action_url=row["action_url"],
    )


async def read_fulfilments(database: Database | Connection, order_id: int) -> list[Fulfilment]:
    """The order's parcels; none that was dropped."""
    names = Fulfilment.__struct_fields__
    return [
        Fulfilment(
            parcel=row["number"],
            **{name: row[name] for name in names if name not in ("lines", "parcel")},
            lines=msgspec.json.decode(row["lines"], type=list[ParcelLine]),
        )
        for row in await database.fetch(workflow_queries.FULFILMENTS, order_id)
    ]


def _benefit(kept: dict[str, Any], currency: str) -> Benefit:
    amount, shipping = Money(kept["amount"], currency), Money(kept["shipping"], currency)
    return Benefit(kept["title"], kept["code"], amount, shipping)
