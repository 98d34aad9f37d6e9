"""Table rates for packed parcels, kept in memory for a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass

import asyncpg

from app.core.database import Database
from app.core.money import Money
from app.core.problems import Problem
from app.shipping import queries
from app.shipping.packing import Box, OversizedError, Parcel, pack
from app.shipping.ports import Goods, Place, Rate

# How long a changed rate may take to show.
REFRESH_SECONDS = 60


@dataclass(frozen=True)
class Table:
    """Countries by code (name, zone); per zone its rows, methods in order, lightest first; boxes."""

    countries: dict[str, tuple[str, str]]
    rows: dict[str, list[asyncpg.Record]]
    boxes: tuple[Box, ...] = ()
    origin: Place | None = None

    def quote(self, country: str, parcels: list[Parcel], value: int = 0) -> list[Rate]:
        """The lightest fitting row of each method, for each parcel by what is in it, and their sum.

        A method that does not take every parcel is not offered; one whose threshold `value` reaches is free,
        and so is what needs no delivery.
        """
        if country not in self.countries:
            return []
        # Nothing to send is quoted as the lightest parcel: checkout asks before it tells of an empty cart.
        weights = [parcel.content for parcel in parcels] or [0]
        offers: dict[str, list[asyncpg.Record]] = {}
        for grams in weights:
            seen = set()
            for row in self.rows.get(self.countries[country][1], []):
                if grams <= row["up_to_grams"] and row["method"] not in seen:
                    seen.add(row["method"])
                    offers.setdefault(row["method"], []).append(row)
        complete = [rows for rows in offers.values() if len(rows) == len(weights)]
        return [_rate(rows, value, free=not parcels and value > 0) for rows in complete]


def _rate(rows: list[asyncpg.Record], value: int, *, free: bool) -> Rate:
    heaviest = max(rows, key=lambda row: row["up_to_grams"])
    free_from = heaviest["free_from"]
    free = free or (free_from is not None and value >= free_from)
    price = 0 if free else sum(row["price"] for row in rows)
    return Rate(heaviest["method"], heaviest["title"], Money(price), heaviest["days"])


def pack_goods(goods: Goods, boxes: tuple[Box, ...]) -> list[Parcel]:
    """The parcels; a thing that fits no box is a Problem that names it."""
    try:
        return pack(goods.items, boxes)
    except OversizedError as error:
        raise Problem(
            422, "oversized", "This cannot be sent", f"{error} Please ask us for a delivery."
        ) from error


class TableRates:
    """The RateSource that reads the store's own tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table: Table | None = None
        self._read_at = 0.0

    async def quote(self, country: str, postcode: str, goods: Goods) -> list[Rate]:  # noqa: ARG002
        """See RateSource; a table knows zones of countries, so the postcode does not matter to it."""
        table = await self.table()
        return table.quote(country, pack_goods(goods, table.boxes), goods.value)

    async def countries(self) -> dict[str, str]:
        """Names of the served countries by code, in the order of names."""
        return {code: name for code, (name, _) in (await self.table()).countries.items()}

    async def table(self) -> Table:
        """The current table, at most REFRESH_SECONDS old."""
        if self._table is None or time.monotonic() - self._read_at > REFRESH_SECONDS:
            self._table = await read_table(self._database)
            self._read_at = time.monotonic()
        return self._table


async def read_table(database: Database) -> Table:
    """Zones, rates, boxes and the shop's address as they are now."""
    countries = await database.fetch(queries.COUNTRIES)
    rows: dict[str, list[asyncpg.Record]] = {}
    for row in await database.fetch(queries.RATES):
        rows.setdefault(row["zone"], []).append(row)
    origin = await database.fetchrow(queries.ORIGIN)
    return Table(
        {row["country"]: (row["name"], row["zone"]) for row in countries},
        rows,
        tuple(
            Box(
                row["code"],
                row["title"],
                (row["length_mm"], row["width_mm"], row["height_mm"]),
                row["tare_grams"],
                row["limit_grams"],
                row["freight"],
            )
            for row in await database.fetch(queries.BOXES)
        ),
        Place(**origin) if origin else None,
    )
