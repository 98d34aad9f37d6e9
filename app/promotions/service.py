"""Finds the promotions that a cart may get, makes new ones and their codes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from app.core.database import Connection, Database
from app.core.kept import Kept
from app.core.money import format_money
from app.pricing.basket import (
    Action,
    AmountOff,
    BuyGet,
    FreeShipping,
    Item,
    PercentOff,
    Promotion,
    Shopper,
    Tiers,
)
from app.promotions import queries

# A new automatic promotion shows this late, and one that is used up is offered this long: the order's booking
# refuses it then and the shopper is shown the new total.
REFRESH_SECONDS = 2.0
# Into how many rows the uses of a limited promotion are spread. Bookings a second with six connections on two
# busy cores: 1 row 210 to 340, 16 rows 700 to 1,040, 64 rows no more; without a limit 1,620 to 1,850.
SLOTS = 16
# A batch beyond this would not fit a request; make several.
MOST_CODES = 10_000
# Without the letters and digits that people mistake for others: 32 signs, 5 bits each.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 16
_CODE = re.compile(r"[A-Z0-9]{3,32}")


class NewPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion to be made; see app.pricing.basket.Promotion."""

    title: str
    automatic: bool
    action: Action
    products: tuple[int, ...] = ()
    collections: tuple[int, ...] = ()
    minimum_spend: int = 0
    minimum_quantity: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    usage_limit: int | None = None
    per_customer: int | None = None
    first_order: bool = False
    priority: int = 100
    exclusive: bool = False
    group: str = ""


def clean_code(text: str) -> str | None:
    """The code as it is kept: capitals without spaces and hyphens; None when it cannot be one."""
    code = re.sub(r"[\s-]", "", text).upper()
    return code if _CODE.fullmatch(code) else None


def show_code(code: str) -> str:
    """A generated code in groups of four, as people read it."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4)) if len(code) == CODE_LENGTH else code


def make_code() -> str:
    """A code of 80 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def describe_action(action: Action) -> str:
    """What a promotion does, in words for staff."""
    match action:
        case PercentOff(percent):
            return f"{percent / 100:g} % off"
        case AmountOff(amount):
            return f"{format_money(amount)} off"
        case BuyGet(buy, get, percent):
            return f"buy {buy}, get {get} for {100 - percent / 100:g} % of the price"
        case Tiers(steps):
            return ", ".join(f"{step.percent / 100:g} % off from {step.quantity} units" for step in steps)
        case FreeShipping():
            return "free delivery"


async def find_promotions(database: Database, codes: Sequence[str]) -> list[Promotion]:
    """All automatic ones and those of the codes, in the order in which the codes were given."""
    found = list(await _automatic.get(database))
    if codes:
        rows = {row["code"]: row for row in await database.fetch(queries.BY_CODES, codes)}
        # Two codes of one promotion are one use of it.
        named = {rows[code]["id"]: rows[code] for code in reversed(codes) if code in rows}
        found += [_promotion(row, row["code"], is_used=row["is_used"]) for row in reversed(named.values())]
    return found


async def find_shopper(
    database: Database, email: str | None, promotions: Iterable[Promotion]
) -> Shopper | None:
    """What limits per customer must know; None when nothing asks for it."""
    limited = [one.id for one in promotions if one.per_customer or one.first_order]
    if not limited or not email:
        return None
    row = await database.fetchrow(queries.SHOPPER, email.lower(), limited)
    if row is None:
        return None
    uses = msgspec.json.decode(row["uses"], type=dict[int, int], strict=False)
    return Shopper(row["has_ordered"], uses)


async def add_collections(
    database: Database, items: Sequence[Item], promotions: Iterable[Promotion]
) -> list[Item]:
    """The items with those of their collections that a promotion is for."""
    wanted = {collection for one in promotions for collection in one.collections}
    if not wanted:
        return list(items)
    rows = await database.fetch(queries.COLLECTIONS, [item.product for item in items], list(wanted))
    members = {row["product_id"]: frozenset(row["collections"]) for row in rows}
    return [
        msgspec.structs.replace(item, collections=members.get(item.product, frozenset())) for item in items
    ]


async def create_promotion(connection: Connection, new: NewPromotion) -> int:
    """Make the promotion; returns its id."""
    promotion: int = await connection.fetchval(
        queries.CREATE,
        new.title,
        new.automatic,
        msgspec.json.encode(new.action).decode(),
        new.products,
        new.collections,
        new.minimum_spend,
        new.minimum_quantity,
        new.starts_at,
        new.ends_at,
        new.usage_limit,
        new.per_customer,
        new.first_order,
        new.priority,
        new.exclusive,
        new.group,
        SLOTS,
    )
    return promotion


async def add_code(connection: Connection, promotion: int, code: str) -> bool:
    """Give the promotion a code that many may use; False when the code is taken."""
    return bool(await connection.fetch(queries.ADD_CODES, promotion, [code], False))


async def make_codes(connection: Connection, promotion: int, count: int) -> list[str]:
    """Make codes that nobody guesses, each for one order. Raises ValueError."""
    if not 1 <= count <= MOST_CODES:
        raise ValueError(f"{count} codes: make 1 to {MOST_CODES} at once")
    rows = await connection.fetch(queries.ADD_CODES, promotion, [make_code() for _ in range(count)], True)
    return [row["code"] for row in rows]


def _promotion(row: Any, code: str | None = None, *, is_used: bool = False) -> Promotion:
    return Promotion(
        id=row["id"],
        title=row["title"],
        action=msgspec.json.decode(row["action"], type=Action),
        code=code,
        products=frozenset(row["products"]),
        collections=frozenset(row["collections"]),
        minimum_spend=row["minimum_spend"],
        minimum_quantity=row["minimum_quantity"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        per_customer=row["per_customer"],
        first_order=row["first_order"],
        is_spent=row["is_spent"] or is_used,
        is_off=not row["active"],
        priority=row["priority"],
        exclusive=row["exclusive"],
        group=row["stack_group"],
    )


async def _read_automatic(database: Database) -> list[Promotion]:
    return [_promotion(row) for row in await database.fetch(queries.AUTOMATIC)]


_automatic = Kept(REFRESH_SECONDS, _read_automatic)
forget_promotions = _automatic.forget
