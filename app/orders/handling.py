"""What other systems do with orders: pack and send what was bought, say that it came, cancel the rest.

Each answers where the order stands then, and the order's ETag; with `If-Match` nothing happens to an order
that is not as it was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Request, Response, delete, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter
from litestar.types import ControllerRouterHandler

from app.api.conditions import IfMatch, check_match, tag_of
from app.api.idempotency import Answer, IdempotencyKey, run_once
from app.api.kinds import MOST_ID, NAME, Line
from app.core.database import Connection, Database
from app.core.problems import Invalid
from app.inventory.documents import LocationCode
from app.inventory.listing import find_location
from app.keys.guards import needs
from app.keys.service import Scope
from app.orders import service, workflow
from app.orders.listing import find_fulfilment_id, find_order_id
from app.orders.service import Fulfilment
from app.orders.transitions import OrderState

Asked = Request[Any, Any, Any]
Work: TypeAlias = Callable[[Connection, int, str], Awaitable[None]]
TAG = "manage orders"
PROBLEMS = ("illegal-transition", "nothing-left", "too-many-units", "not-reserved", "label-pending")

Number = Annotated[int, PathParameter(ge=1, le=MOST_ID, description="The parcel's number in its order")]


class UnitsOfLine(msgspec.Struct, forbid_unknown_fields=True):
    """Units of a line of the order, by the line's place in it, from 1."""

    line: Annotated[int, msgspec.Meta(ge=1, le=1000, examples=[1])]
    units: Annotated[int, msgspec.Meta(ge=1, le=10_000, examples=[1])]


Lines = Annotated[list[UnitsOfLine], msgspec.Meta(min_length=1, max_length=200)]


class TrackedParcel(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a parcel goes; what is not known is ''."""

    carrier: Annotated[Line, msgspec.Meta(examples=["DHL"])] = ""
    tracking_number: Annotated[Line, msgspec.Meta(examples=["00340434161094042557"])] = ""
    tracking_url: Annotated[
        str,
        msgspec.Meta(
            max_length=500,
            pattern=r'^(https://[^\s"<>\x00-\x1f\x7f]+)?$',
            examples=["https://track.example/00340434161094042557"],
        ),
    ] = ""

    @property
    def tracking(self) -> workflow.Tracking:
        return workflow.Tracking(self.carrier, self.tracking_number, self.tracking_url)


class NewFulfilment(TrackedParcel, forbid_unknown_fields=True, kw_only=True):
    """A parcel of what the order has reserved at a location; without `lines` all of it.

    With `shipped` false its units are only set aside, to be packed.
    """

    location: LocationCode = "main"
    lines: Lines | None = None
    shipped: Annotated[bool, msgspec.Meta(examples=[True])] = True


class NewCancellation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Units that shall not be sent, and why; without `lines` all that have not been."""

    reason: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=200, pattern=NAME, examples=["the buyer changed their mind"]),
    ]
    lines: Lines | None = None


class HandledOrder(msgspec.Struct):
    """Where the order stands after it, with all its parcels; a new one is the last."""

    number: str
    state: OrderState
    fulfilments: list[Fulfilment]


@post(
    "/api/v1/admin/orders/{number:str}/fulfilments",
    tags=[TAG],
    responses={201: ResponseSpec(HandledOrder, description="The parcel was made")},
    opt={"problems": PROBLEMS, "etag": True},
    **needs(Scope.ORDERS_WRITE),
)
async def fulfil_order(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    number: str,
    data: NewFulfilment,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once; named for the document
) -> Response[bytes]:
    """Send what the order has reserved at a location.

    Stock, invoice, mail and capture follow by themselves.
    """

    async def work(connection: Connection, order_id: int, actor: str) -> None:
        location = await find_location(connection, data.location)
        made = await workflow.fulfil(
            connection, order_id, location=location, units=_units(data.lines), actor=actor
        )
        if data.shipped:
            await workflow.ship(connection, made, tracking=data.tracking, actor=actor)

    return await _handle(request, database, number, if_match, work, status=201)


@post(
    "/api/v1/admin/orders/{number:str}/fulfilments/{parcel:int}/shipment",
    tags=[TAG],
    responses={201: ResponseSpec(HandledOrder, description="The parcel is on its way")},
    opt={"problems": PROBLEMS, "etag": True},
    **needs(Scope.ORDERS_WRITE),
)
async def ship_fulfilment(  # noqa: PLR0917
    request: Asked,
    database: Database,
    number: str,
    parcel: Number,
    data: TrackedParcel,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Say that a packed parcel has left."""

    async def work(connection: Connection, order_id: int, actor: str) -> None:
        fulfilment = await find_fulfilment_id(connection, order_id, parcel)
        await workflow.ship(connection, fulfilment, tracking=data.tracking, actor=actor)

    return await _handle(request, database, number, if_match, work, status=201)


@post(
    "/api/v1/admin/orders/{number:str}/fulfilments/{parcel:int}/delivery",
    tags=[TAG],
    responses={201: ResponseSpec(HandledOrder, description="The parcel has arrived")},
    opt={"problems": ("illegal-transition",), "etag": True},
    **needs(Scope.ORDERS_WRITE),
)
async def deliver_fulfilment(  # noqa: PLR0917
    request: Asked,
    database: Database,
    number: str,
    parcel: Number,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Say that a parcel on its way has arrived."""

    async def work(connection: Connection, order_id: int, actor: str) -> None:
        fulfilment = await find_fulfilment_id(connection, order_id, parcel)
        await workflow.deliver(connection, fulfilment, actor=actor)

    return await _handle(request, database, number, if_match, work, status=201)


@delete(
    "/api/v1/admin/orders/{number:str}/fulfilments/{parcel:int}",
    tags=[TAG],
    status_code=200,
    responses={200: ResponseSpec(HandledOrder, description="The parcel is undone")},
    opt={"problems": ("illegal-transition",), "etag": True},
    **needs(Scope.ORDERS_WRITE),
)
async def drop_fulfilment(  # noqa: PLR0917
    request: Asked,
    database: Database,
    number: str,
    parcel: Number,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Undo a parcel that has not left: its units stay reserved for the order."""

    async def work(connection: Connection, order_id: int, _actor: str) -> None:
        await workflow.drop(connection, await find_fulfilment_id(connection, order_id, parcel))

    return await _handle(request, database, number, if_match, work, status=200)


@post(
    "/api/v1/admin/orders/{number:str}/cancellation",
    tags=[TAG],
    responses={201: ResponseSpec(HandledOrder, description="The units were cancelled")},
    opt={"problems": PROBLEMS, "etag": True},
    **needs(Scope.ORDERS_WRITE),
)
async def cancel_order_units(  # noqa: PLR0917
    request: Asked,
    database: Database,
    number: str,
    data: NewCancellation,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Cancel units that have not been sent: their stock is available again, what was paid is given back."""

    async def work(connection: Connection, order_id: int, actor: str) -> None:
        await workflow.cancel(connection, order_id, units=_units(data.lines), reason=data.reason, actor=actor)

    return await _handle(request, database, number, if_match, work, status=201)


async def _handle(
    request: Asked, database: Database, number: str, if_match: str | None, work: Work, *, status: int
) -> Response[bytes]:
    async def once(connection: Connection) -> Answer:
        order_id = await find_order_id(connection, number)
        if if_match is not None:
            # Locked first: else it could change between the comparison and the work.
            await workflow.lock(connection, order_id)
            check_match(if_match, _tag(await service.find_order(connection, number)))
        await work(connection, order_id, f"key {request.state.key.name}")
        order = await service.find_order(connection, number)
        handled = HandledOrder(order.number, order.state, order.fulfilments)
        return Answer(handled, status, {"ETag": _tag(order)})

    return await run_once(request, database, once)


def _tag(order: service.Order) -> str:
    """The ETag under which the order's own address answers it."""
    return tag_of(msgspec.json.encode(order))


def _units(lines: list[UnitsOfLine] | None) -> dict[int, int] | None:
    if lines is None:
        return None
    units = {one.line: one.units for one in lines}
    if len(units) < len(lines):
        raise Invalid({"lines": "a line is there twice: name each once, with all its units"})
    return units


routes: list[ControllerRouterHandler] = [
    fulfil_order,
    ship_fulfilment,
    deliver_fulfilment,
    drop_fulfilment,
    cancel_order_units,
]
