"""The API of shipping rates."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from app.cart.service import find_cart
from app.checkout.shop import Shop
from app.core.problems import Invalid, NotFound
from app.core.templating import PRIVATE
from app.shipping.ports import Rate


class Rates(msgspec.Struct):
    """The offers for a cart, cheapest kind first; none when nobody delivers that there."""

    items: list[Rate]


Country = Annotated[str, QueryParameter(description="ISO 3166-1 alpha-2", max_length=2)]


@get("/api/v1/shipping-rates", tags=["shipping"])
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


routes: list[ControllerRouterHandler] = [list_rates]
