"""Which rate of tax applies where, and the tax in or on an amount.

Tax is rounded per line, half up to the minor unit, and a total is the sum of rounded lines, so that an
invoice adds up as it is printed. EU law leaves the method to the member states as long as it is neutral and
fair (Court of Justice, C-484/06 Ahold, 2008, and C-302/07 J D Wetherspoon, 2009); rounding a line half up is
the usual commercial one.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.pricing.basket import WHOLE
from app.pricing.discounts import round_half_up


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate in basis points for a class of products; narrowed to a subdivision or to a postcode's start."""

    country: str
    tax_class: str
    rate: int
    subdivision: str = ""
    postcode: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where the goods go."""

    country: str
    subdivision: str = ""
    postcode: str = ""


class TaxTable(msgspec.Struct, frozen=True):
    """All rates, the narrowest first, and the countries whose prices are shown without tax."""

    rates: dict[tuple[str, str], tuple[Rate, ...]]
    excluded: frozenset[str]

    @classmethod
    def of(cls, rates: Iterable[Rate], excluded: Iterable[str]) -> TaxTable:
        """Order the rates so that the first that fits is the one that counts."""
        table: dict[tuple[str, str], list[Rate]] = {}
        for rate in rates:
            table.setdefault((rate.country, rate.tax_class), []).append(rate)
        ordered = {
            key: tuple(sorted(found, key=lambda one: (-len(one.postcode), one.subdivision == "")))
            for key, found in table.items()
        }
        return cls(ordered, frozenset(excluded))

    def is_included(self, country: str) -> bool:
        """Whether prices shown to this country hold the tax."""
        return country not in self.excluded

    def find(self, place: Place, tax_class: str) -> int:
        """The rate in basis points; 0 where no tax is known: goods that leave the taxed territory."""
        postcode = place.postcode.replace(" ", "").upper()
        subdivision = place.subdivision.strip().upper()
        for rate in self.rates.get((place.country, tax_class), ()):
            if postcode.startswith(rate.postcode) and rate.subdivision in ("", subdivision):
                return rate.rate
        return 0


def tax_of(amount: int, rate: int, *, included: bool) -> int:
    """The tax within `amount`, or on top of it, rounded half up."""
    return round_half_up(amount * rate, WHOLE + rate if included else WHOLE)
