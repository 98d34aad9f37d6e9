"""The order's API and page, for whoever holds its token: look it up, cancel it, print its invoice."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from app.core.database import Database
from app.core.problems import Problem
from app.core.templating import PRIVATE, render
from app.orders import service, workflow
from app.orders.invoice_pdf import print_document
from app.orders.invoices import read_document

Bearer = Annotated[str, HeaderParameter(name="Authorization", description="Bearer <the order's token>")]
Token = Annotated[str, QueryParameter(description="The order's token, when it is not sent as Authorization")]

# The address holds the token: no other page may learn it.
_HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@get("/api/v1/orders/{number:str}", tags=["orders"])
async def show_order(
    database: Database, number: str, token: Token = "", authorization: Bearer = ""
) -> Response[service.Order]:
    """The order, with the token that its checkout answered."""
    order = await service.read_order(database, number, authorization.removeprefix("Bearer ") or token)
    return Response(order, headers={"Cache-Control": PRIVATE})


@post(
    "/api/v1/orders/{number:str}/cancellation",
    tags=["orders"],
    status_code=200,
    opt={"problems": ("illegal-transition", "already-sent", "nothing-left", "not-reserved")},
)
async def cancel_order(
    database: Database, number: str, token: Token = "", authorization: Bearer = ""
) -> Response[service.Order]:
    """Cancel the whole order while nothing of it has been sent; what was paid is given back.

    409 `illegal-transition` says what the order allows instead.
    """
    token = authorization.removeprefix("Bearer ") or token
    await workflow.cancel_for_shopper(database, number, token)
    return Response(await service.read_order(database, number, token), headers={"Cache-Control": PRIVATE})


@get("/api/v1/orders/{number:str}/documents/{document:str}", tags=["orders"], media_type="application/pdf")
async def show_document(
    database: Database, number: str, document: str, token: Token = "", authorization: Bearer = ""
) -> Response[bytes]:
    """The invoice or credit note as PDF."""
    return await _document(database, number, document, authorization.removeprefix("Bearer ") or token)


@get("/orders/{number:str}", include_in_schema=False)
async def show_order_page(
    database: Database, number: str, token: str = "", refused: str = ""
) -> Response[bytes]:
    """The order's page: confirmation at first, later the place to look the order up."""
    order = await service.read_order(database, number, token)
    context = {"order": order, "token": token, "refused": refused, "shopper_may_cancel": order.may_cancel}
    return render("orders/order.html", context, headers=_HEADERS)


@get("/orders/{number:str}/documents/{document:str}", include_in_schema=False)
async def show_document_page(
    database: Database, number: str, document: str, token: str = ""
) -> Response[bytes]:
    """The invoice or credit note to print."""
    return await _document(database, number, document, token)


@post("/orders/{number:str}/cancellation", include_in_schema=False)
async def cancel_order_page(database: Database, request: Request[Any, Any, Any], number: str) -> Redirect:
    """The page's button. The order's token in the form is what no other site knows."""
    form = await request.form()
    token = str(form.get("token", ""))
    address = f"/orders/{quote(number)}?token={quote(token)}"
    try:
        await workflow.cancel_for_shopper(database, number, token)
    except Problem as problem:
        if problem.status != 409:
            raise
        address += "&refused=1"
    return Redirect(address, status_code=303)


async def _document(database: Database, number: str, document: str, token: str) -> Response[bytes]:
    found = await read_document(database, document, order=number, token=token)
    name = f'inline; filename="{found.number}.pdf"'
    headers = {**_HEADERS, "Cache-Control": PRIVATE, "Content-Disposition": name}
    return Response(print_document(found), media_type="application/pdf", headers=headers)


routes: list[ControllerRouterHandler] = [
    show_order,
    cancel_order,
    show_document,
    show_order_page,
    show_document_page,
    cancel_order_page,
]
