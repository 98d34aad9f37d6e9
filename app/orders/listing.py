"""Finds orders for staff and other systems: newest first, by state and time."""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.core.database import Database
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
