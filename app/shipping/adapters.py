"""Chooses the adapters that the settings name."""

from __future__ import annotations

from app.core.cache import Cache
from app.core.database import Database
from app.core.settings import Settings
from app.shipping.live import LiveRates
from app.shipping.ports import Carrier, RateSource
from app.shipping.service import TableRates


def make_carrier(settings: Settings) -> Carrier | None:
    """The carrier of the setting CARRIER; None when staff type in what they did by hand."""
    if settings.carrier == "none":
        return None
    # Its SDK takes a while to load, and most shops never need it.
    from app.shipping.easypost_carrier import EasyPostCarrier

    return EasyPostCarrier(settings)


def make_rates(settings: Settings, database: Database, cache: Cache, carrier: Carrier | None) -> RateSource:
    """The table's rates, with the carrier's beside them when there is one."""
    table = TableRates(database)
    return table if carrier is None else LiveRates(settings, table, carrier, cache)
