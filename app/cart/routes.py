"""The cart's API, its page, and the badge that catalogue pages load apart so that they stay cacheable."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from app.api.conditions import IfMatch, answer_tagged, tag_of
from app.api.kinds import PathId
from app.cart import service
from app.cart.offer import drop_code, explain_code, put_code, show
from app.cart.records import Cart, CartRecord
from app.core.cache import Cache
from app.core.database import Database
from app.core.problems import Problem
from app.core.requests import current_address
from app.core.settings import Settings
from app.core.signing import check_form_token, form_token, read_cookie, set_cookie
from app.core.templating import PRIVATE, render
from app.promotions.service import CODE_LENGTH

COOKIE = "cart"
_private = {"Cache-Control": PRIVATE}

Page = Request[Any, Any, Any]
VariantId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1, description="Id of a variant", examples=[1])]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=service.MOST_OF_ONE, description="Units", examples=[2])]


class NewLine(msgspec.Struct, forbid_unknown_fields=True):
    """Units of a variant to put into the cart."""

    variant_id: VariantId
    quantity: Quantity = 1


class ChangedLine(msgspec.Struct, forbid_unknown_fields=True):
    """The new quantity of a line."""

    quantity: Quantity


class NewCode(msgspec.Struct, forbid_unknown_fields=True):
    """A code to put into the cart; case, spaces and hyphens do not matter."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["SUMMER10"])]


# --- API ---

# The edge weakens the tags of what it compresses.
_TAG = re.compile(r'(?:W/)?"(\d{1,9})-[0-9a-f]+"')
ANSWERS = {200: ResponseSpec(Cart, description="The cart as it is now")}
PROBLEMS = ("cart-changed", "cart-ordered", "checkout-in-progress")

_CART = "$response.body#/id"
LINKS = {
    "show_cart": {"operationId": "show_cart", "parameters": {"cart_id": _CART}},
    "add_line": {"operationId": "add_line", "parameters": {"cart_id": _CART}},
    "check_out": {"operationId": "check_out", "requestBody": {"cart_id": _CART}},
}
LINE_LINKS = {
    "change_line": {
        "operationId": "change_line",
        "parameters": {"cart_id": _CART, "line_id": "$response.body#/lines/0/id"},
    },
    **LINKS,
}


@post("/api/v1/carts", tags=["carts"], opt={"location": True, "links": LINKS})
async def create_cart(database: Database) -> Response[Cart]:
    """Start an empty cart. Keep its id secret: it is what gives access to the cart."""
    cart_id = await service.create_cart(database)
    cart = Cart.empty(cart_id)
    return Response(cart, headers={**_private, "Location": f"/api/v1/carts/{cart_id}"})


@get("/api/v1/carts/{cart_id:uuid}", tags=["carts"], responses=ANSWERS, opt={"etag": True})
async def show_cart(request: Page, database: Database, cart_id: uuid.UUID) -> Response[bytes]:
    """The cart, with the prices and the stock of now."""
    return await _answer(request, database, await service.read_cart(database, cart_id))


@post(
    "/api/v1/carts/{cart_id:uuid}/lines",
    tags=["carts"],
    responses={201: ResponseSpec(Cart, description="The cart as it is now")},
    opt={"etag": True, "links": LINE_LINKS, "problems": ("cart-full", *PROBLEMS)},
)
async def add_line(
    request: Page, database: Database, cart_id: uuid.UUID, data: NewLine, if_match: IfMatch = None
) -> Response[bytes]:
    """Add units of a variant; answers the cart."""
    version = _version(if_match)
    await service.add_line(database, cart_id, data.variant_id, data.quantity, version=version)
    return await _answer(request, database, await service.read_cart(database, cart_id), 201)


@patch(
    "/api/v1/carts/{cart_id:uuid}/lines/{line_id:int}",
    tags=["carts"],
    responses=ANSWERS,
    opt={"etag": True, "problems": PROBLEMS},
)
async def change_line(  # noqa: PLR0917  # the framework names every argument
    request: Page,
    database: Database,
    cart_id: uuid.UUID,
    line_id: PathId,
    data: ChangedLine,
    if_match: IfMatch = None,
) -> Response[bytes]:
    """Change a line's quantity; answers the cart."""
    await service.set_quantity(database, cart_id, line_id, data.quantity, version=_version(if_match))
    return await _answer(request, database, await service.read_cart(database, cart_id))


@delete(
    "/api/v1/carts/{cart_id:uuid}/lines/{line_id:int}",
    tags=["carts"],
    status_code=200,
    responses=ANSWERS,
    opt={"etag": True, "problems": PROBLEMS},
)
async def remove_line(
    request: Page, database: Database, cart_id: uuid.UUID, line_id: PathId, if_match: IfMatch = None
) -> Response[bytes]:
    """Take a line out; answers the cart."""
    await service.remove_line(database, cart_id, line_id, version=_version(if_match))
    return await _answer(request, database, await service.read_cart(database, cart_id))


@post(
    "/api/v1/carts/{cart_id:uuid}/codes",
    tags=["carts"],
    status_code=200,
    responses=ANSWERS,
    opt={"etag": True, "problems": ("code-refused", "too-many-codes", *PROBLEMS)},
)
async def add_code(
    request: Page, database: Database, cache: Cache, cart_id: uuid.UUID, data: NewCode
) -> Response[bytes]:
    """Put a voucher's or gift card's code into the cart; answers the cart, whose `codes` tell what it does.

    A code that will not apply whatever is bought is refused with the reason (422), and after many of those
    the address for some minutes (429).
    """
    await put_code(database, cache, cart_id, data.code, address=current_address(request))
    return await _answer(request, database, await service.read_cart(database, cart_id))


@delete(
    "/api/v1/carts/{cart_id:uuid}/codes/{code:str}",
    tags=["carts"],
    status_code=200,
    responses=ANSWERS,
    opt={"etag": True, "problems": PROBLEMS},
)
async def remove_code(request: Page, database: Database, cart_id: uuid.UUID, code: str) -> Response[bytes]:
    """Take a code out, by the `id` that the cart lists; answers the cart."""
    await drop_code(database, cart_id, code)
    return await _answer(request, database, await service.read_cart(database, cart_id))


async def _answer(
    request: Page, database: Database, record: CartRecord, status: int = 200
) -> Response[bytes]:
    """The cart with its tag: the version of its lines, and all else that the answer shows, such as stock."""
    body = msgspec.json.encode(await show(database, record))
    tag = f'"{record.version}-{tag_of(body)[1:]}'
    return answer_tagged(request, body, tag=tag, status=status)


def _version(if_match: str | None) -> int | None:
    """The version of the lines in a tag of ours; -1, which no cart has, for any other."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    return int(found[1]) if found else -1


@post(
    "/api/v1/carts/{cart_id:uuid}/reservation",
    tags=["carts"],
    status_code=200,
    responses=ANSWERS,
    opt={"etag": True, "problems": ("insufficient-stock", *PROBLEMS)},
)
async def reserve_cart(request: Page, database: Database, cart_id: uuid.UUID) -> Response[bytes]:
    """Keep the cart's units for its shopper for ten minutes; each repetition, at most half an hour in all.

    Nobody else can have them meanwhile. An order takes them over; a change of the cart changes them too.
    """
    return await _answer(request, database, await service.hold(database, cart_id))


@delete("/api/v1/carts/{cart_id:uuid}/reservation", tags=["carts"])
async def free_cart(database: Database, cart_id: uuid.UUID) -> None:
    """Give the kept units back; the cart stays as it is."""
    await service.end_hold(database, cart_id)


# --- pages ---


def visitor_cart_id(settings: Settings, request: Page) -> uuid.UUID | None:
    """The id in the visitor's signed cookie."""
    value = read_cookie(settings, request, COOKIE)
    return uuid.UUID(value) if value else None


async def visitor_cart(database: Database, settings: Settings, request: Page) -> CartRecord | None:
    """The visitor's cart, unless there is none or it has been ordered."""
    cart_id = visitor_cart_id(settings, request)
    record = await service.find_cart(database, cart_id) if cart_id else None
    return None if record is None or record.cart.state == "ordered" else record


# What a refused change of the cart says on the cart's page.
REFUSALS = {
    "insufficient-stock": "There is not enough stock for that quantity.",
    "invalid": f"A quantity must be a number from 1 to {service.MOST_OF_ONE}, of a product that is for sale.",
    "not-found": "That line is no longer in the cart.",
    "cart-full": f"A cart holds at most {service.MOST_LINES} different products.",
    "checkout-in-progress": "The cart cannot change while its payment is in progress.",
}


@get("/cart", include_in_schema=False)
async def show_cart_page(
    database: Database, settings: Settings, request: Page, refused: str = "", code: str = ""
) -> Response[bytes]:
    """The cart with its forms."""
    record = await visitor_cart(database, settings, request)
    context = {
        "cart": await show(database, record) if record else None,
        "code": code[:40],
        "short": {line.id for line in record.short} if record else set(),
        "refusal": REFUSALS.get(refused),
        "code_refusal": await _explain_code(database, record, refused, code),
        "csrf_token": form_token(settings, str(record.cart.id)) if record else "",
        "most": service.MOST_OF_ONE,
    }
    return render("cart/cart.html", context)


async def _explain_code(database: Database, record: CartRecord | None, refused: str, code: str) -> str | None:
    """Why the code that was just sent was refused; found out anew, so that no address can put words here."""
    if refused == "too-many-codes":
        return "Too many wrong codes came from your address. Please wait some minutes."
    if refused != "code-refused" or record is None:
        return None
    return await explain_code(database, record, code) or "The code was not accepted."


@get("/fragments/cart", include_in_schema=False)
async def show_badge(database: Database, settings: Settings, request: Page) -> Response[bytes]:
    """The header's cart link with the number of units."""
    cart_id = visitor_cart_id(settings, request)
    count = await service.count_items(database, cart_id) if cart_id else 0
    return render("website/cart_link.html", {"count": count})


@post("/cart/lines", include_in_schema=False)
async def put_into_cart(database: Database, settings: Settings, request: Page) -> Response[Any]:
    """Add to the visitor's cart from any page; makes the cart and its cookie when there is none.

    The form needs no token: the page around it is public, and the request layer refuses foreign origins.
    """
    form = await request.form()
    record = await visitor_cart(database, settings, request)
    cart_id = record.cart.id if record else await service.create_cart(database)
    try:
        await service.add_line(database, cart_id, _number(form, "variant_id"), _number(form, "quantity", "1"))
    except Problem as problem:
        response = _refuse(request, problem)
    else:
        response = _accept(request)
    set_cookie(settings, response, COOKIE, str(cart_id))
    return response


@post("/cart/lines/{line_id:int}", include_in_schema=False)
async def change_cart(database: Database, settings: Settings, request: Page, line_id: int) -> Response[Any]:
    """Change or remove a line: `quantity`, or the button `remove`; a quantity of 0 removes too."""
    form = await request.form()
    cart_id = visitor_cart_id(settings, request)
    if cart_id is None:
        return Redirect("/cart", status_code=303, headers=_private)
    check_form_token(settings, str(cart_id), str(form.get("csrf_token", "")))
    try:
        if form.get("remove") or str(form.get("quantity", "")).strip() == "0":
            await service.remove_line(database, cart_id, line_id)
        else:
            await service.set_quantity(database, cart_id, line_id, _number(form, "quantity"))
    except Problem as problem:
        return _refuse(request, problem)
    return _accept(request)


@post("/cart/codes", include_in_schema=False)
async def change_codes(database: Database, cache: Cache, settings: Settings, request: Page) -> Response[Any]:
    """Put the code of the field `code` into the cart, or take out that of the button `remove`."""
    form = await request.form()
    cart_id = visitor_cart_id(settings, request)
    if cart_id is None:
        return Redirect("/cart", status_code=303, headers=_private)
    check_form_token(settings, str(cart_id), str(form.get("csrf_token", "")))
    code = str(form.get("code", ""))
    try:
        if removed := str(form.get("remove", "")):
            await drop_code(database, cart_id, removed)
        else:
            await put_code(database, cache, cart_id, code, address=current_address(request))
    except Problem as problem:
        if problem.status >= 500:
            raise
        # A gift card's code is worth money: it must not stay in the browser's history.
        shown = code if problem.type == "code-refused" and len(code) < CODE_LENGTH else ""
        address = f"/cart?{urlencode({'refused': problem.type, 'code': shown})}#code"
        return Redirect(address, status_code=303, headers=_private)
    return _accept(request)


def _number(form: Any, field: str, default: str = "") -> int:
    text = str(form.get(field, default)).strip()
    if not text.isdecimal() or len(text) > 18:
        raise Problem(
            422, "invalid", "The request has errors", f"{field} is {text!r}: it must be a whole number"
        )
    return int(text)


def _accept(request: Page) -> Response[Any]:
    if request.headers.get("HX-Request"):
        return Response(None, status_code=204, headers={**_private, "HX-Trigger": "cart-changed"})
    return Redirect("/cart", status_code=303, headers=_private)


def _refuse(request: Page, problem: Problem) -> Response[Any]:
    if problem.status >= 500:
        raise problem
    address = f"/cart?{urlencode({'refused': problem.type})}"
    if request.headers.get("HX-Request"):
        return Response(None, status_code=204, headers={**_private, "HX-Redirect": address})
    return Redirect(address, status_code=303, headers=_private)


routes: list[ControllerRouterHandler] = [
    create_cart,
    show_cart,
    add_line,
    change_line,
    remove_line,
    add_code,
    remove_code,
    reserve_cart,
    free_cart,
    show_cart_page,
    show_badge,
    put_into_cart,
    change_cart,
    change_codes,
]
