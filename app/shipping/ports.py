"""The ports of shipping: where rates come from, and what a carrier does for the shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from app.core.money import Money
from app.shipping.packing import Item, Parcel


class Rate(msgspec.Struct, frozen=True):
    """One offer to deliver a parcel."""

    # What a checkout names as its `shipping_method`.
    id: Annotated[str, msgspec.Meta(examples=["standard"])]
    title: str
    price: Money
    days: str


@dataclass(frozen=True)
class Goods:
    """What is to be sent, and the subtotal in minor units that a free-delivery threshold looks at."""

    items: tuple[Item, ...] = ()
    value: int = 0


class RateSource(Protocol):
    """Quotes for goods to a country (ISO 3166-1 alpha-2), and the countries served.

    `quote` raises Problem when a thing fits into no box.
    """

    async def quote(self, country: str, postcode: str, goods: Goods) -> list[Rate]: ...

    async def countries(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class Place:
    """An address as carriers want it; parts that are not known are ''."""

    country: str
    postcode: str
    name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Offer:
    """A carrier's offer for a parcel, in the shop's minor units; days in transit, None if unsaid."""

    id: str
    carrier: str
    service: str
    price: int
    days: int | None


@dataclass(frozen=True)
class Draft:
    """A shipment that the carrier knows and nobody paid for yet."""

    id: str
    offers: list[Offer]


@dataclass(frozen=True)
class Label:
    """A paid shipment. `file` is the label as the carrier made it, PDF as a rule."""

    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    price: int
    file: bytes
    media_type: str


@dataclass(frozen=True)
class TrackingEvent:
    """Something a carrier saw a parcel do. `status` is one of shipments.ParcelState."""

    tracking_number: str
    status: str
    at: datetime
    message: str
    place: str


class CarrierAway(Exception):  # noqa: N818  # as GatewayAway
    """The carrier does not answer, or not in time."""


class CarrierRefused(Exception):  # noqa: N818
    """The carrier answered no; the message is its reason."""


class BadTrackingWebhook(Exception):  # noqa: N818
    """The webhook is not the carrier's, or cannot be read."""


class Carrier(Protocol):
    """What a carrier does. Each call raises CarrierAway or CarrierRefused.

    A label is bought for a draft, and for one draft once: a second `buy` of the same draft answers the label
    of the first. So whoever writes the draft's id down before buying never pays twice.
    """

    name: str

    async def draft(self, origin: Place, to: Place, parcel: Parcel, reference: str) -> Draft: ...

    async def buy(self, draft_id: str, carrier: str, service: str) -> Label: ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[TrackingEvent]: ...
