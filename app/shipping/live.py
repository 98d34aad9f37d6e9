"""A carrier's rates beside the table's, so that checkout works whatever the carrier does.

What the carrier answered is kept in the cache, so that the price a shopper saw is the price of the order;
when it does not answer, an older answer will do, and without one the table's rates stand alone. After a
failure the carrier is left alone for a while: an outage costs one time-out, not one per shopper.
"""

from __future__ import annotations

import asyncio
import hashlib
import time

import msgspec
import structlog

from app.core.cache import Cache
from app.core.money import Money
from app.core.settings import Settings
from app.shipping.packing import Parcel
from app.shipping.ports import Carrier, CarrierAway, CarrierRefused, Goods, Offer, Place, Rate
from app.shipping.service import TableRates, pack_goods

log = structlog.get_logger()

FRESH_SECONDS = 10 * 60
# As long as a shopper may take from the delivery page to the order.
KEPT_SECONDS = 60 * 60
PAUSE_SECONDS = 30.0
# More parcels than this to one address is freight: the table's rates are for that.
MOST_PARCELS = 6


class Kept(msgspec.Struct, frozen=True):
    """Rates as the cache has them, and when (Unix time) the carrier said so."""

    at: float
    rates: list[Rate]


class LiveRates:
    """The RateSource that offers the table's rates and, while it answers, the carrier's."""

    def __init__(self, settings: Settings, table: TableRates, carrier: Carrier, cache: Cache) -> None:
        self._table, self._carrier, self._cache = table, carrier, cache
        self._secret = hashlib.sha256(settings.carrier_url.encode()).hexdigest()[:8]
        self._paused_until = 0.0

    async def countries(self) -> dict[str, str]:
        """See RateSource."""
        return await self._table.countries()

    async def quote(self, country: str, postcode: str, goods: Goods) -> list[Rate]:
        """See RateSource."""
        table = await self._table.table()
        parcels = pack_goods(goods, table.boxes)
        own = table.quote(country, parcels, goods.value)
        if table.origin is None or not postcode or not 0 < len(parcels) <= MOST_PARCELS:
            return own
        if country not in table.countries or any(parcel.box.freight for parcel in parcels):
            return own
        return own + await self._carried(table.origin, Place(country, postcode), parcels)

    async def _carried(self, origin: Place, to: Place, parcels: list[Parcel]) -> list[Rate]:
        key = self._key(origin, to, parcels)
        raw = await self._cache.get(key)
        kept = msgspec.json.decode(raw, type=Kept) if raw else None
        if kept and time.time() - kept.at < FRESH_SECONDS:
            return kept.rates
        if time.monotonic() < self._paused_until:
            return kept.rates if kept else []
        try:
            drafts = await asyncio.gather(
                *(self._carrier.draft(origin, to, parcel, "quote") for parcel in parcels)
            )
        except CarrierAway as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            log.warning("the carrier is away; table rates stand alone", error=str(error))
            return kept.rates if kept else []
        except CarrierRefused as error:
            log.warning("the carrier gives no rates", error=str(error))
            return []
        rates = add_up([draft.offers for draft in drafts])
        await self._cache.set(key, msgspec.json.encode(Kept(time.time(), rates)), KEPT_SECONDS)
        return rates

    def _key(self, origin: Place, to: Place, parcels: list[Parcel]) -> str:
        shape = sorted((parcel.box.code, parcel.box.size, parcel.grams) for parcel in parcels)
        told = msgspec.json.encode((self._secret, origin, to, shape))
        return f"shipping:rates:{hashlib.sha256(told).hexdigest()}"


def add_up(offers: list[list[Offer]]) -> list[Rate]:
    """The services that take every parcel, each with the sum of its prices, cheapest first."""
    by_service = [{(offer.carrier, offer.service): offer for offer in one} for one in offers]
    rates = []
    for carrier, service in by_service[0]:
        found = [one.get((carrier, service)) for one in by_service]
        whole = [offer for offer in found if offer is not None]
        if len(whole) < len(found):
            continue
        days = max((offer.days or 0) for offer in whole)
        rates.append(
            Rate(
                method_id(carrier, service),
                f"{carrier} {service}",
                Money(sum(offer.price for offer in whole)),
                f"{days} days" if days > 1 else "next day" if days else "",
            )
        )
    return sorted(rates, key=lambda rate: (rate.price.amount, rate.id))


def method_id(carrier: str, service: str) -> str:
    """The `shipping_method` of a carrier's service."""
    return f"{carrier}:{service}"
