"""What a checkout works with, made once per process."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.database import Database
from app.payments.ports import PaymentGateway
from app.shipping.ports import Carrier, RateSource


@dataclass(frozen=True)
class Shop:
    """The database and the adapters behind the ports."""

    database: Database
    gateway: PaymentGateway
    rates: RateSource
    public_url: str
    # None: staff send parcels by hand.
    carrier: Carrier | None = None
    # Whether the money is taken with the order, or with each shipment.
    captures_at_order: bool = True
