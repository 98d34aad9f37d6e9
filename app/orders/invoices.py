"""Invoices and credit notes: numbered without gaps per year, and never changed once issued.

An invoice is issued as the order's first parcel leaves, over all that stands then; what is cancelled later
gets a credit note. An order cancelled before was never invoiced. The content is kept, not the file: it is
printed from that alone, to the same bytes each time.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from app.checkout.forms import Address
from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.orders import invoice_queries as queries
from app.orders import workflow_queries
from app.orders.worth import Worth, line_worth


class Kind(StrEnum):
    """Each has a series of its own."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


PREFIX = {Kind.INVOICE: "R", Kind.CREDIT_NOTE: "G"}


class Item(msgspec.Struct, frozen=True):
    """A printed line; amounts in minor units. `tax` is in `total` when the document's prices hold it."""

    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    tax: int
    tax_rate: int
    total: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """All that is printed."""

    kind: Kind
    number: str
    refers_to: str
    issued_at: datetime
    order_number: str
    ordered_at: datetime
    seller: list[str]
    buyer: list[str]
    currency: str
    tax_included: bool
    items: list[Item]
    gift_card: int

    @property
    def total(self) -> int:
        return sum(item.total for item in self.items)

    @property
    def taxes(self) -> dict[int, tuple[int, int]]:
        """Per rate, in basis points: what it is on, without tax, and the tax."""
        sums: dict[int, tuple[int, int]] = {}
        for item in self.items:
            net = item.total - item.tax
            before = sums.get(item.tax_rate, (0, 0))
            sums[item.tax_rate] = (before[0] + net, before[1] + item.tax)
        return dict(sorted(sums.items()))


class Issued(msgspec.Struct, frozen=True):
    """A document of an order."""

    number: str
    kind: Kind
    issued_at: datetime


async def issue_invoice(connection: Connection, order_id: int) -> None:
    """Invoice all that stands of the order; nothing happens when it has its invoice."""
    if await connection.fetchval(queries.INVOICE_OF_ORDER, order_id) is not None:
        return
    order = await connection.fetchrow(queries.ORDER, order_id)
    lines = await connection.fetch(workflow_queries.LINES, order_id)
    items = [
        _item(line, standing, line_worth(line, standing, tax_included=order["tax_included"]))
        for line in lines
        if (standing := line["quantity"] - line["cancelled"])
    ]
    await _issue(connection, order, Kind.INVOICE, "", [*items, *_delivery(order)])


async def issue_credit_note(
    connection: Connection, order_id: int, units: Mapping[int, int], *, nothing_left: bool
) -> None:
    """Credit units that were cancelled just now; nothing happens when the order was never invoiced."""
    invoice = await connection.fetchval(queries.INVOICE_OF_ORDER, order_id)
    if invoice is None:
        return
    order = await connection.fetchrow(queries.ORDER, order_id)
    included = order["tax_included"]
    items = []
    for line in await connection.fetch(workflow_queries.LINES, order_id):
        if count := units.get(line["position"], 0):
            standing = line["quantity"] - line["cancelled"]
            before = line_worth(line, standing + count, tax_included=included)
            after = line_worth(line, standing, tax_included=included)
            items.append(_item(line, count, Worth(*(b - a for b, a in zip(before, after, strict=True)))))
    if nothing_left:
        items += _delivery(order)
    await _issue(connection, order, Kind.CREDIT_NOTE, invoice, items)


async def list_documents(database: Database | Connection, order_id: int) -> list[Issued]:
    """The order's invoice and credit notes, in the order of their issue."""
    return [Issued(**row) for row in await database.fetch(queries.OF_ORDER, order_id)]


async def read_document(
    database: Database, number: str, *, order: str = "", token: str | None = None
) -> Document:
    """The document by its number; with a `token`, for whoever holds that of its order. Raises NotFound."""
    row = None if "\0" in number else await database.fetchrow(queries.CONTENT, number)
    if row is None or (
        token is not None
        and (row["order_number"] != order or not hmac.compare_digest(row["token"].encode(), token.encode()))
    ):
        raise NotFound("There is no such invoice, or the order's token is wrong.")
    return msgspec.json.decode(row["content"], type=Document)


async def _issue(
    connection: Connection, order: Mapping[str, Any], kind: Kind, refers_to: str, items: Sequence[Item]
) -> None:
    year = order["issued_at"].year
    sequence = await connection.fetchval(queries.NEXT, kind, year)
    number = f"{PREFIX[kind]}{year}-{sequence:06d}"
    to = msgspec.json.decode(order["shipping_address"], type=Address)
    document = Document(
        kind=kind,
        number=number,
        refers_to=refers_to,
        issued_at=order["issued_at"],
        order_number=order["number"],
        ordered_at=order["created_at"],
        seller=_lines(
            order["name"], order["line1"], order["line2"], order["postcode"], order["city"], order["country"]
        ),
        buyer=[*_lines(to.name, to.line1, to.line2, to.postcode, to.city, to.country), order["email"]],
        currency=order["currency"],
        tax_included=order["tax_included"],
        items=list(items),
        gift_card=order["gift_card"] if kind is Kind.INVOICE else 0,
    )
    content = msgspec.json.encode(document).decode()
    await connection.execute(
        queries.ISSUE, kind, year, sequence, number, order["id"], content, order["issued_at"]
    )


def _item(line: Mapping[str, Any], count: int, worth: Worth) -> Item:
    return Item(
        line["sku"],
        line["title"],
        count,
        line["unit_price"],
        worth.discount,
        worth.tax,
        line["tax_rate"],
        worth.total,
    )


def _delivery(order: Mapping[str, Any]) -> list[Item]:
    price, tax = order["shipping"], order["shipping_tax"]
    total = price if order["tax_included"] else price + tax
    return [Item("", "Delivery", 1, price, 0, tax, order["shipping_tax_rate"], total)]


def _lines(  # noqa: PLR0917
    name: str | None,
    line1: str | None,
    line2: str | None,
    postcode: str | None,
    city: str | None,
    country: str | None,
) -> list[str]:
    place = f"{country or ''} {postcode or ''} {city or ''}".strip()
    return [line for line in (name, line1, line2, place) if line]
