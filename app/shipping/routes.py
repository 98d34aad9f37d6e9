"""Rates for a cart, tracking of an order's parcels, and where the carrier reports to."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Request, Response, get, post
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from app.cart.service import find_cart
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import Invalid, NotFound, Problem
from app.core.templating import PRIVATE, render
from app.shipping.ports import BadTrackingWebhook, Rate
from app.shipping.shipments import ParcelState, Tracking, read_tracking, record_events


class Rates(msgspec.Struct):
    """The offers for a cart, cheapest kind first; none when nobody delivers that there."""

    items: list[Rate]


log = structlog.get_logger()

Bearer = Annotated[str, HeaderParameter(name="Authorization", description="Bearer <the order's token>")]
Token = Annotated[str, QueryParameter(description="The order's token, when it is not sent as Authorization")]
Signature = Annotated[
    str, HeaderParameter(name="X-Hmac-Signature", description="hmac-sha256-hex=<HMAC-SHA256 of the body>")
]
Country = Annotated[str, QueryParameter(description="ISO 3166-1 alpha-2", max_length=2)]


@get("/api/v1/shipping-rates", tags=["shipping"], opt={"problems": ("not-found", "oversized")})
async def list_rates(shop: Shop, cart_id: uuid.UUID, country: Country, postcode: str = "") -> Response[Rates]:
    """What it costs to send the cart to a country."""
    record = await find_cart(shop.database, cart_id)
    if record is None:
        raise NotFound(f"There is no cart {cart_id}.")
    served = await shop.rates.countries()
    if country not in served:
        raise Invalid({"country": f"country is {country!r}: we deliver to {', '.join(served)}"})
    return Response(
        Rates(await shop.rates.quote(country, postcode, record.goods)), headers={"Cache-Control": PRIVATE}
    )


STATES = {
    ParcelState.BUYING: "being prepared",
    ParcelState.ANNOUNCED: "announced to the carrier",
    ParcelState.IN_TRANSIT: "on its way",
    ParcelState.OUT_FOR_DELIVERY: "out for delivery",
    ParcelState.AVAILABLE_FOR_PICKUP: "waiting to be picked up",
    ParcelState.DELIVERED: "delivered",
    ParcelState.RETURNED: "on its way back to us",
    ParcelState.FAILED: "held up",
    ParcelState.CANCELLED: "cancelled",
}


@get("/api/v1/orders/{number:str}/tracking", tags=["shipping"])
async def show_tracking(
    database: Database, number: str, token: Token = "", authorization: Bearer = ""
) -> Response[Tracking]:
    """Where the parcels of an order are, with the token that its checkout answered."""
    tracking = await read_tracking(database, number, authorization.removeprefix("Bearer ") or token)
    return Response(tracking, headers={"Cache-Control": PRIVATE})


@get("/orders/{number:str}/tracking", include_in_schema=False)
async def show_tracking_page(database: Database, number: str, token: str = "") -> Response[bytes]:
    """Where the parcels of an order are, for people."""
    tracking = await read_tracking(database, number, token)
    # The address holds the token: no other page may learn it.
    headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    context = {"tracking": tracking, "token": token, "states": STATES}
    return render("shipping/tracking.html", context, headers=headers)


@post(
    "/api/v1/webhooks/easypost",
    tags=["webhooks"],
    status_code=204,
    opt={"problems": ("bad-webhook", "not-found")},
)
async def receive_tracking(
    request: Request[Any, Any, Any], shop: Shop, signature: Signature = ""
) -> Response[None]:
    """Signed reports of parcels, from the carrier alone; they may repeat and come in any order."""
    if shop.carrier is None:
        raise NotFound("This shop works with no carrier that reports.")
    try:
        events = shop.carrier.read_webhook({"x-hmac-signature": signature}, await request.body())
    except BadTrackingWebhook as error:
        log.warning("webhook refused", reason=str(error))
        raise Problem(400, "bad-webhook", "The webhook is refused", f"{error}.") from error
    known = await record_events(shop.database, shop.carrier.name, events)
    if known < len(events):
        log.warning("webhook of unknown parcels", unknown=len(events) - known)
    return Response(None, status_code=204)


routes: list[ControllerRouterHandler] = [list_rates, show_tracking, show_tracking_page, receive_tracking]
