"""Money is an integer count of minor units and a currency; floats never touch it."""

from __future__ import annotations

import msgspec

# The one currency of the store's prices, until a market asks for a second.
CURRENCY = "EUR"

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (cents) of `currency` (ISO 4217), as the API shows it."""

    amount: int
    currency: str = CURRENCY


def format_money(amount: int, currency: str = CURRENCY) -> str:
    """Write `amount` minor units for people: 123456 → "€1,234.56"."""
    sign = _SIGNS.get(currency)
    digits = f"{abs(amount) // 100:,}.{abs(amount) % 100:02d}"
    minus = "-" if amount < 0 else ""
    return f"{minus}{sign}{digits}" if sign else f"{minus}{digits} {currency}"
