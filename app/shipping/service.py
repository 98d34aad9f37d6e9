"""Table rates, kept in memory for a minute, and the choice among them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import asyncpg

from app.core.database import Database
from app.core.money import Money
from app.shipping import queries
from app.shipping.ports import Rate

# How long a changed rate may take to show.
REFRESH_SECONDS = 60


@dataclass(frozen=True)
class Table:
    """Countries by code (name, zone), and per zone its rows, methods in order, lightest row first."""

    countries: dict[str, tuple[str, str]]
    rows: dict[str, list[asyncpg.Record]]

    def quote(self, country: str, grams: int) -> list[Rate]:
        """The lightest fitting row of each method; none when the country or the weight is not served."""
        if country not in self.countries:
            return []
        offers: dict[str, Rate] = {}
        for row in self.rows.get(self.countries[country][1], []):
            if grams <= row["up_to_grams"] and row["method"] not in offers:
                offers[row["method"]] = Rate(row["method"], row["title"], Money(row["price"]), row["days"])
        return list(offers.values())


class TableRates:
    """The RateSource that reads the store's own tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table: Table | None = None
        self._read_at = 0.0

    async def quote(self, country: str, postcode: str, grams: int) -> list[Rate]:  # noqa: ARG002
        """See RateSource; a table knows zones of countries, so the postcode does not matter to it."""
        return (await self.table()).quote(country, grams)

    async def countries(self) -> dict[str, str]:
        """Names of the served countries by code, in the order of names."""
        return {code: name for code, (name, _) in (await self.table()).countries.items()}

    async def table(self) -> Table:
        """The current table, at most REFRESH_SECONDS old."""
        if self._table is None or time.monotonic() - self._read_at > REFRESH_SECONDS:
            countries = await self._database.fetch(queries.COUNTRIES)
            rows: dict[str, list[asyncpg.Record]] = {}
            for row in await self._database.fetch(queries.RATES):
                rows.setdefault(row["zone"], []).append(row)
            self._table = Table({row["country"]: (row["name"], row["zone"]) for row in countries}, rows)
            self._read_at = time.monotonic()
        return self._table
