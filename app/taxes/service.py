"""The store's tax table, and where a shopper is taken to be."""

from __future__ import annotations

import msgspec

from app.core.database import Database
from app.core.kept import Kept
from app.pricing.taxes import Place, Rate, TaxTable
from app.taxes import queries

# How long a changed rate may take to show.
REFRESH_SECONDS = 30.0


class Taxes(msgspec.Struct, frozen=True):
    """All rates, and the country of those who have not said theirs."""

    table: TaxTable
    home: Place


async def _read(database: Database) -> Taxes:
    rates = [
        Rate(
            country=row["country"],
            tax_class=row["tax_class"],
            rate=row["rate"],
            subdivision=row["subdivision"],
            postcode=row["postcode"],
        )
        for row in await database.fetch(queries.RATES)
    ]
    regions = await database.fetch(queries.REGIONS)
    excluded = [row["country"] for row in regions if not row["tax_included"]]
    home = next((row["country"] for row in regions if row["home"]), "")
    return Taxes(TaxTable.of(rates, excluded), Place(home))


_taxes = Kept(REFRESH_SECONDS, _read)
read_taxes = _taxes.get
forget_taxes = _taxes.forget


async def list_classes(database: Database) -> list[str]:
    """The classes that have a rate anywhere."""
    return [row["tax_class"] for row in await database.fetch(queries.CLASSES)]


async def list_taxed(database: Database) -> set[str]:
    """The countries that have a rate; what goes elsewhere is sold without tax."""
    return {row["country"] for row in await database.fetch(queries.COUNTRIES)}
