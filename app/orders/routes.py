"""The order's API and page, for whoever holds its token."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from app.core.database import Database
from app.core.templating import PRIVATE, render
from app.orders import service

Bearer = Annotated[str, HeaderParameter(name="Authorization", description="Bearer <the order's token>")]
Token = Annotated[str, QueryParameter(description="The order's token, when it is not sent as Authorization")]


@get("/api/v1/orders/{number:str}", tags=["orders"])
async def show_order(
    database: Database, number: str, token: Token = "", authorization: Bearer = ""
) -> Response[service.Order]:
    """The order, with the token that its checkout answered."""
    order = await service.read_order(database, number, authorization.removeprefix("Bearer ") or token)
    return Response(order, headers={"Cache-Control": PRIVATE})


@get("/orders/{number:str}", include_in_schema=False)
async def show_order_page(database: Database, number: str, token: str = "") -> Response[bytes]:
    """The order's page: confirmation at first, later the place to look the order up."""
    order = await service.read_order(database, number, token)
    # The address holds the token: no other page may learn it.
    headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
    return render("orders/order.html", {"order": order, "token": token}, headers=headers)


routes: list[ControllerRouterHandler] = [show_order, show_order_page]
