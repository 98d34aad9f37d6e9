"""Promotions as staff and other systems keep them: found, read, changed, ended; their codes listed.

What a promotion does never changes: orders were placed by it. For another benefit there is another promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.core.database import Connection, Database
from app.core.problems import Invalid, NotFound
from app.pricing.basket import Action
from app.promotions import queries


class PromotionRecord(msgspec.Struct, kw_only=True):
    """A promotion, on or off; `products` and `collections` are the handles of what it is for."""

    id: int
    title: str
    automatic: bool
    active: bool
    action: Action
    products: list[str]
    collections: list[str]
    minimum_spend: int
    minimum_quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    usage_limit: int | None
    is_spent: bool
    per_customer: int | None
    first_order: bool
    priority: int
    exclusive: bool
    group: str
    created_at: datetime


class PromotionChange(msgspec.Struct, kw_only=True):
    """What shall be different; what is UNSET stays."""

    title: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    ends_at: datetime | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


class CodeRecord(msgspec.Struct):
    """A code as it is kept; `order_number` is of the order that used a code for one order up."""

    code: str
    single_use: bool
    order_number: str | None
    created_at: datetime


async def list_promotions(
    database: Database, *, before: int, limit: int, active: bool | None = None, automatic: bool | None = None
) -> list[PromotionRecord]:
    """Promotions with smaller ids than `before`, newest first."""
    return [_record(row) for row in await database.fetch(queries.RECORDS, before, limit, active, automatic)]


async def read_promotion(connection: Connection | Database, promotion: int) -> PromotionRecord:
    """One promotion. Raises NotFound."""
    row = await connection.fetchrow(queries.RECORD, promotion)
    if row is None:
        raise NotFound(f"There is no promotion {promotion}.")
    return _record(row)


async def lock_promotion(connection: Connection, promotion: int) -> PromotionRecord:
    """One promotion, which nobody else changes until this transaction ends. Raises NotFound."""
    await connection.execute(queries.LOCK, promotion)
    return await read_promotion(connection, promotion)


async def change_promotion(
    connection: Connection, promotion: PromotionRecord, change: PromotionChange
) -> PromotionRecord:
    """Change a promotion that is locked. Raises Invalid when it would end before it starts."""
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    changed = msgspec.structs.replace(promotion, **given)
    check_validity(changed.starts_at, changed.ends_at)
    await connection.execute(
        queries.CHANGE, promotion.id, changed.title, changed.starts_at, changed.ends_at, changed.priority
    )
    await connection.execute(queries.SWITCH, promotion.id, changed.active)
    return changed


def check_validity(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raise Invalid unless it starts before it ends."""
    if starts_at and ends_at and ends_at <= starts_at:
        message = f"ends_at is {ends_at.isoformat()}: it must be after starts_at, {starts_at.isoformat()}"
        raise Invalid({"ends_at": message})


async def list_codes(
    connection: Connection | Database, promotion: int, *, after: str, limit: int
) -> list[CodeRecord]:
    """The promotion's codes behind `after`, in the order of the alphabet."""
    rows = await connection.fetch(queries.CODES_AFTER, promotion, after, limit)
    return [CodeRecord(**dict(row)) for row in rows]


async def find_goods(
    connection: Connection, products: Sequence[str], collections: Sequence[str]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids of products and collections with these handles. Raises Invalid, which quotes those unknown."""
    errors, found = {}, []
    asked = (
        ("products", products, queries.PRODUCT_IDS),
        ("collections", collections, queries.COLLECTION_IDS),
    )
    for field, handles, query in asked:
        rows = {row["handle"]: row["id"] for row in await connection.fetch(query, list(handles))}
        if unknown := [handle for handle in handles if handle not in rows]:
            errors[field] = f"{field} has {unknown[0]!r}: there is none with this handle"
        found.append(tuple(rows.values()))
    if errors:
        raise Invalid(errors)
    return found[0], found[1]


def _record(row: Any) -> PromotionRecord:
    plain = {name: row[name] for name in PromotionRecord.__struct_fields__ if name != "group"}
    given = {
        "action": msgspec.json.decode(row["action"], type=Action),
        "products": row["product_handles"],
        "collections": row["collection_handles"],
        "group": row["stack_group"],
    }
    return PromotionRecord(**{**plain, **given})
