"""The carrier adapter that speaks with EasyPost through its own SDK.

The SDK blocks, so each call runs in a thread, with a time-out of its own; a label is fetched over HTTP too,
since EasyPost answers its address. Rates in another currency than the shop's are left out: nobody would know
the price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import requests
from easypost.easypost_client import EasyPostClient
from easypost.errors.api.gateway_timeout_error import GatewayTimeoutError
from easypost.errors.api.http_error import HttpError
from easypost.errors.api.internal_server_error import InternalServerError
from easypost.errors.api.invalid_request_error import InvalidRequestError
from easypost.errors.api.json_error import JsonError
from easypost.errors.api.rate_limit_error import RateLimitError
from easypost.errors.api.service_unavailable_error import ServiceUnavailableError
from easypost.errors.api.timeout_error import TimeoutError as SlowError
from easypost.errors.general.easypost_error import EasyPostError
from easypost.errors.general.signature_verification_error import SignatureVerificationError
from easypost.util import validate_webhook

from app.core.money import CURRENCY
from app.core.settings import Settings
from app.shipping.packing import Parcel
from app.shipping.ports import (
    BadTrackingWebhook,
    CarrierAway,
    CarrierRefused,
    Draft,
    Label,
    Offer,
    Place,
    TrackingEvent,
)

# A shopper waits for rates; staff wait for a label.
TIMEOUT_SECONDS = 2
LABEL_SECONDS = 10
LARGEST_LABEL = 5_000_000
GRAMS_PER_OUNCE = 28.349523125
MM_PER_INCH = 25.4

# EasyPost's words for what happened to a parcel, as the shop's.
STATUSES = {
    "pre_transit": "announced",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "available_for_pickup": "available_for_pickup",
    "delivered": "delivered",
    "return_to_sender": "returned",
    "failure": "failed",
    "error": "failed",
    "cancelled": "cancelled",
}

_AWAY = (
    SlowError,
    GatewayTimeoutError,
    HttpError,
    InternalServerError,
    ServiceUnavailableError,
    RateLimitError,
    JsonError,
    requests.RequestException,
)
T = TypeVar("T")


class EasyPostCarrier:
    """The Carrier that EasyPost is; see the port."""

    name = "easypost"

    def __init__(self, settings: Settings) -> None:
        self._webhook_key = settings.secrets.carrier_webhook_key
        self._key, self._url = settings.secrets.carrier_key, settings.carrier_url
        # Threads of its own: a hanging carrier must not hold those that others wait for.
        self._threads = ThreadPoolExecutor(8, "carrier")

    async def draft(self, origin: Place, to: Place, parcel: Parcel, reference: str) -> Draft:
        """See Carrier."""
        length, width, height = sorted(parcel.box.size, reverse=True)
        shipment = await self._call(
            lambda: self._client(TIMEOUT_SECONDS).shipment.create(
                to_address=_address(to),
                from_address=_address(origin),
                parcel={
                    "length": round(length / MM_PER_INCH, 2),
                    "width": round(width / MM_PER_INCH, 2),
                    "height": round(height / MM_PER_INCH, 2),
                    "weight": round(max(parcel.grams, 1) / GRAMS_PER_OUNCE, 1) or 0.1,
                },
                reference=reference,
                options={"label_format": "PDF"},
            ),
            TIMEOUT_SECONDS,
        )
        return Draft(shipment.id, [_offer(rate) for rate in shipment.rates if rate.currency == CURRENCY])

    async def buy(self, draft_id: str, carrier: str, service: str) -> Label:
        """See Carrier: what is bought already is not bought again, whoever did it."""
        return await self._call(lambda: self._buy(draft_id, carrier, service), 3 * LABEL_SECONDS)

    def _buy(self, draft_id: str, carrier: str, service: str) -> Label:
        client = self._client(LABEL_SECONDS)
        shipment = client.shipment.retrieve(draft_id)
        if not shipment.get("postage_label"):
            rate = next((r for r in shipment.rates if (r.carrier, r.service) == (carrier, service)), None)
            if rate is None:
                offered = ", ".join(f"{r.carrier} {r.service}" for r in shipment.rates) or "nothing"
                raise CarrierRefused(
                    f"{carrier} {service} is not offered for this parcel: there is {offered}"
                )
            try:
                shipment = client.shipment.buy(draft_id, rate={"id": rate.id})
            except InvalidRequestError:
                # Refused, unless another process was quicker.
                shipment = client.shipment.retrieve(draft_id)
                if not shipment.get("postage_label"):
                    raise
        return _label(shipment)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> list[TrackingEvent]:
        """See Carrier; raises BadTrackingWebhook. Reports that are not of a tracker are read as no events."""
        signature = headers.get("x-hmac-signature", "")
        try:
            event = validate_webhook(body, {"X-Hmac-Signature": signature}, self._webhook_key)
            if event["result"]["object"] != "Tracker":
                return []
            return _events(event["result"])
        except SignatureVerificationError as error:
            raise BadTrackingWebhook("X-Hmac-Signature does not fit") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadTrackingWebhook(f"the body cannot be read: {error!r}") from error

    def _client(self, seconds: int) -> EasyPostClient:
        """One per call: the SDK's session is not made for several threads."""
        client = EasyPostClient(self._key, self._url, seconds)
        # The SDK would try thrice to connect, and wait in between.
        client._requests_session.mount(self._url, requests.adapters.HTTPAdapter(max_retries=0))
        return client

    async def _call(self, ask: Callable[[], T], seconds: float) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        try:
            return await asyncio.wait_for(running, seconds + 0.5)
        except TimeoutError as error:
            raise CarrierAway(f"EasyPost did not answer within {seconds} s") from error
        except _AWAY as error:
            raise CarrierAway(f"EasyPost is away: {error}") from error
        except EasyPostError as error:
            raise CarrierRefused(str(error)) from error


def _address(place: Place) -> dict[str, str]:
    parts = {
        "name": place.name,
        "street1": place.line1,
        "street2": place.line2,
        "city": place.city,
        "state": place.region,
        "zip": place.postcode,
        "country": place.country,
        "phone": place.phone,
    }
    return {name: value for name, value in parts.items() if value}


def _offer(rate: Any) -> Offer:
    return Offer(rate.id, rate.carrier, rate.service, _minor(rate.rate), rate.get("delivery_days"))


def _label(shipment: Any) -> Label:
    rate, tracker = shipment.selected_rate, shipment.get("tracker") or {}
    address = shipment.postage_label.get("label_pdf_url") or shipment.postage_label.label_url
    answer = requests.get(address, timeout=LABEL_SECONDS)
    answer.raise_for_status()
    if len(answer.content) > LARGEST_LABEL:
        raise CarrierRefused(f"the label is larger than {LARGEST_LABEL} bytes")
    return Label(
        carrier=rate.carrier,
        service=rate.service,
        tracking_number=shipment.tracking_code,
        tracking_url=tracker.get("public_url") or "",
        price=_minor(rate.rate),
        file=answer.content,
        media_type=answer.headers.get("Content-Type", "application/pdf").partition(";")[0],
    )


def _events(tracker: dict[str, Any]) -> list[TrackingEvent]:
    return [
        TrackingEvent(
            tracking_number=str(tracker["tracking_code"]),
            status=STATUSES[detail["status"]],
            at=_moment(detail["datetime"]),
            message=str(detail.get("message") or ""),
            place=_where(detail.get("tracking_location") or {}),
        )
        for detail in tracker.get("tracking_details") or []
        if detail.get("status") in STATUSES
    ]


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _where(location: dict[str, Any]) -> str:
    return ", ".join(part for name in ("city", "country") if (part := location.get(name)))


def _minor(amount: str) -> int:
    return int((Decimal(amount) * 100).to_integral_value())
