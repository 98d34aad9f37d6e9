"""What to buy, and what was bought too much of: three reports on one set of figures.

Sales count by the day of the order, of orders that stand. Per variant, over the last N days (WINDOW_DAYS):

- velocity d = units sold / N, and deviation s = the standard deviation of a day's units, days without a sale
  included.
- safety stock = z * s * sqrt(lead time L in days), with z = 1.65 for being able to deliver in 95 % of the
  cycles, unless the variant has a number of its own. Source: Silver, Pyke, Thomas, "Inventory and Production
  Management in Supply Chains", 4th ed. (2017), ch. 6, for a steady lead time.
- reorder point = d * L + safety stock (ibid., "order point, order quantity").
- days of cover = available / d.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.core.database import Connection, Database
from app.core.problems import Invalid
from app.inventory import report_queries as queries

# A season's change shows in a month's sales, a single good day does not.
WINDOW_DAYS = 30
# For variants without figures of their own.
LOW_AT = 5
LEAD_DAYS = 14
SERVICE_FACTOR = 1.65
# An order to the supplier shall last for so long after it has come.
REVIEW_DAYS = 30
# More than so many days' sales are bound capital.
OVERSTOCK_DAYS = 90
MOST_DAYS = 365


class Figures(msgspec.Struct, kw_only=True):
    """A variant in a report; units, and units per day."""

    variant_id: int
    sku: str
    title: str
    available: int
    sold: int
    velocity: float
    low_at: int
    lead_days: int
    safety: int
    reorder_at: int
    # None while nothing is sold: the stock lasts for ever.
    days_of_cover: float | None
    # Suggested units to buy: up to the reorder point and REVIEW_DAYS of sales beyond.
    suggested: int
    first_received: datetime | None


async def list_low(
    database: Database, *, days: int = WINDOW_DAYS, limit: int = 50, offset: int = 0
) -> list[Figures]:
    """Variants for sale with `available` at or below their threshold, the emptiest first."""
    return await _list(database, queries.LOW, days, limit, offset)


async def list_overstock(
    database: Database, *, days: int = WINDOW_DAYS, limit: int = 50, offset: int = 0
) -> list[Figures]:
    """Variants whose days of cover are above OVERSTOCK_DAYS, the most units first.

    What first came within the window is left out: it had no time to sell.
    """
    return await _list(database, queries.OVERSTOCK, days, limit, offset)


async def list_reorder(
    database: Database, *, days: int = WINDOW_DAYS, limit: int = 50, offset: int = 0
) -> list[Figures]:
    """Variants that sell and have no more available than their reorder point, the soonest empty first."""
    return await _list(database, queries.REORDER, days, limit, offset)


async def set_rule(
    connection: Connection, variant: int, *, low_at: int, lead_days: int, safety: int | None
) -> None:
    """Give a variant figures of its own; `safety` None means: by the formula. Raises Invalid."""
    errors = {}
    if not 0 <= low_at <= 1_000_000:
        errors["low_at"] = f"low_at is {low_at}: it must be from 0 to 1000000"
    if not 1 <= lead_days <= MOST_DAYS:
        errors["lead_days"] = f"lead_days is {lead_days}: it must be from 1 to {MOST_DAYS}"
    if safety is not None and not 0 <= safety <= 1_000_000:
        errors["safety"] = f"safety is {safety}: it must be from 0 to 1000000"
    if errors:
        raise Invalid(errors)
    await connection.execute(queries.SET_RULE, variant, low_at, lead_days, safety)


async def _list(database: Database, sql: str, days: int, limit: int, offset: int) -> list[Figures]:
    if not 1 <= days <= MOST_DAYS:
        raise Invalid({"days": f"days is {days}: it must be from 1 to {MOST_DAYS}"})
    rows = await database.fetch(
        sql, days, LOW_AT, LEAD_DAYS, SERVICE_FACTOR, REVIEW_DAYS, float(OVERSTOCK_DAYS), limit, offset
    )
    return [Figures(**row) for row in rows]
