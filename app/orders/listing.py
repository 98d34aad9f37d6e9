"""Finds orders for staff and other systems: newest first, by state and time."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.orders import listing_queries as queries
from app.orders.transitions import OrderState


class OrderRow(msgspec.Struct):
    """An order of a list; `total` in minor units of `currency`."""

    id: int
    number: str
    state: OrderState
    created_at: datetime
    updated_at: datetime
    email: str
    total: int
    currency: str


async def list_orders(
    database: Database,
    *,
    before: int,
    limit: int,
    state: OrderState | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    updated_from: datetime | None = None,
) -> list[OrderRow]:
    """Orders with smaller ids than `before`, newest first."""
    rows = await database.fetch(queries.LIST, before, limit, state, created_from, created_to, updated_from)
    return msgspec.convert([dict(row) for row in rows], list[OrderRow])


async def find_order_id(connection: Connection, number: str) -> int:
    """The id of the order with this number. Raises NotFound."""
    found = None if "\0" in number else await connection.fetchval(queries.ID_OF_NUMBER, number)
    if found is None:
        raise NotFound(f"There is no order {number!r}.")
    return int(found)


async def find_fulfilment_id(connection: Connection, order_id: int, parcel: int) -> int:
    """The id of a parcel of the order, by its number there. Raises NotFound."""
    found = await connection.fetchval(queries.FULFILMENT_OF, order_id, parcel)
    if found is None:
        raise NotFound(f"The order has no parcel {parcel}.")
    return int(found)
