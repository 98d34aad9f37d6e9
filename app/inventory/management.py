"""Stock for other systems: levels, movements, reservations and locations to read; goods to book."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import msgspec
from litestar import Request, Response, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from app.api.conditions import answer_tagged
from app.api.idempotency import Answer, IdempotencyKey, run_once
from app.api.kinds import MOST_ID, Cursor, Limit, PathId
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Connection, Database
from app.core.problems import Invalid, Problem
from app.inventory import listing, service
from app.inventory.documents import (
    Adjustment,
    ChangedLocation,
    Count,
    Location,
    Locations,
    Movement,
    MovementList,
    Receipt,
    Reservation,
    ReservationList,
    StockLevel,
    StockLevels,
    StockList,
    Transfer,
)
from app.keys.guards import needs
from app.keys.service import Scope

Asked = Request[Any, Any, Any]
TAG = "manage stock"
OfVariant = Annotated[int | None, QueryParameter(ge=1, le=MOST_ID, description="Only of this variant")]
AtLocation = Annotated[str, QueryParameter(max_length=40, pattern="^[a-z0-9-]*$", description="Only there")]
OfOrder = Annotated[str, QueryParameter(max_length=40, pattern="^[A-Z0-9]*$", description="Only this order")]
Code = Annotated[str, PathParameter(max_length=40, description="The location's code")]


@get(
    "/api/v1/admin/stock",
    tags=[TAG],
    responses={200: ResponseSpec(StockList, description="Levels")},
    opt={"etag": True},
    **needs(Scope.STOCK_READ),
)
async def list_stock(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    variant_id: OfVariant = None,
    location: AtLocation = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List what is available and reserved, per variant and location."""
    after = _read(cursor, (0, 0), tuple[int, int])
    found = await listing.list_levels(
        database, after=after, limit=limit + 1, variant_id=variant_id, location=location or None
    )
    last = found[limit - 1] if len(found) > limit else None
    following = write_cursor((last.variant_id, last.location_id)) if last else None
    return answer_tagged(request, msgspec.json.encode(StockList(_levels(found[:limit]), following)))


@get(
    "/api/v1/admin/variants/{variant_id:int}/movements",
    tags=[TAG],
    responses={200: ResponseSpec(MovementList, description="Movements")},
    opt={"etag": True},
    **needs(Scope.STOCK_READ),
)
async def list_movements(
    request: Asked, database: Database, variant_id: PathId, limit: Limit = 20, cursor: Cursor = ""
) -> Response[bytes]:
    """The ledger of a variant, newest first: what came, went, and was corrected, and why."""
    (before,) = _read(cursor, (MOST_ID,), tuple[int])
    found = await service.list_movements(database, variant_id, before=before, limit=limit + 1)
    following = write_cursor((found[limit - 1].id,)) if len(found) > limit else None
    items = [
        Movement(**{name: getattr(one, name) for name in Movement.__struct_fields__}) for one in found[:limit]
    ]
    return answer_tagged(request, msgspec.json.encode(MovementList(items, following)))


@get(
    "/api/v1/admin/reservations",
    tags=[TAG],
    responses={200: ResponseSpec(ReservationList, description="Reservations")},
    opt={"etag": True},
    **needs(Scope.STOCK_READ),
)
async def list_reservations(
    request: Asked, database: Database, order: OfOrder = "", limit: Limit = 20, cursor: Cursor = ""
) -> Response[bytes]:
    """List what orders have reserved and not yet shipped."""
    after = _read(cursor, (0, 0, 0), tuple[int, int, int])
    found = await listing.list_reservations(database, after=after, limit=limit + 1, number=order or None)
    last = found[limit - 1] if len(found) > limit else None
    following = write_cursor((last.order_id, last.variant_id, last.location_id)) if last else None
    items = [Reservation(one.number, one.variant_id, one.location, one.quantity) for one in found[:limit]]
    return answer_tagged(request, msgspec.json.encode(ReservationList(items, following)))


@get(
    "/api/v1/admin/locations",
    tags=[TAG],
    responses={200: ResponseSpec(Locations, description="Locations")},
    opt={"etag": True},
    **needs(Scope.STOCK_READ),
)
async def list_locations(request: Asked, database: Database) -> Response[bytes]:
    """List the places that goods are kept at, in the order in which they are used."""
    async with database.connection() as connection:
        found = await service.list_locations(connection)
    items = [Location(one.code, one.name, one.priority) for one in found]
    return answer_tagged(request, msgspec.json.encode(Locations(items)))


@put(
    "/api/v1/admin/locations/{code:str}",
    tags=[TAG],
    responses={200: ResponseSpec(Location, description="The location as it is now")},
    opt={"problems": ("location-changed",)},
    **needs(Scope.STOCK_WRITE),
)
async def save_location(
    request: Asked,
    database: Database,
    code: Code,
    data: ChangedLocation,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once; named for the document
) -> Response[bytes]:
    """Make the location of this code, or change it."""

    async def work(connection: Connection) -> Answer:
        try:
            await service.save_location(connection, code, data.name, data.priority)
        except asyncpg.UniqueViolationError as error:
            raise Problem(
                409, "location-changed", "Locations have changed", "Please try again.", retry_after=1
            ) from error
        return Answer(Location(code, data.name.strip(), data.priority))

    return await run_once(request, database, work)


@post(
    "/api/v1/admin/stock/receipts",
    tags=[TAG],
    responses={201: ResponseSpec(StockLevels, description="The levels after it")},
    **needs(Scope.STOCK_WRITE),
)
async def book_receipt(
    request: Asked,
    database: Database,
    data: Receipt,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Book goods that came in; they can be sold at once."""
    units = [(line.variant_id, line.units) for line in data.lines]

    async def book(connection: Connection, location: int) -> None:
        await service.receive(connection, units, reason=data.reason, location=location, actor=_actor(request))

    return await _book(request, database, units, data.location, book)


@post(
    "/api/v1/admin/stock/adjustments",
    tags=[TAG],
    responses={201: ResponseSpec(StockLevels, description="The levels after it")},
    opt={"problems": ("too-few-units",)},
    **needs(Scope.STOCK_WRITE),
)
async def book_adjustment(
    request: Asked,
    database: Database,
    data: Adjustment,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Correct what is available by units more or fewer. What orders have reserved cannot be taken away."""
    units = [(line.variant_id, line.units) for line in data.lines]

    async def book(connection: Connection, location: int) -> None:
        await service.adjust(connection, units, reason=data.reason, location=location, actor=_actor(request))

    return await _book(request, database, units, data.location, book)


@post(
    "/api/v1/admin/stock/counts",
    tags=[TAG],
    responses={201: ResponseSpec(StockLevels, description="The levels after it")},
    **needs(Scope.STOCK_WRITE),
)
async def book_count(
    request: Asked,
    database: Database,
    data: Count,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Set what is available to what was counted, and book the difference."""
    units = sorted((line.variant_id, line.available) for line in data.lines)
    if len(dict(units)) < len(units):
        raise Invalid({"lines": "a variant is there twice: each may be counted once"})

    async def book(connection: Connection, location: int) -> None:
        await service.set_available(
            connection, units, reason=data.reason, location=location, actor=_actor(request)
        )

    return await _book(request, database, units, data.location, book)


@post(
    "/api/v1/admin/stock/transfers",
    tags=[TAG],
    responses={201: ResponseSpec(StockLevels, description="The levels at both ends after it")},
    opt={"problems": ("too-few-units",)},
    **needs(Scope.STOCK_WRITE),
)
async def book_transfer(
    request: Asked,
    database: Database,
    data: Transfer,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Book goods that went from one location to another."""
    if data.source == data.target:
        raise Invalid({"target": f"target is {data.target!r}, which is the source too: they must differ"})
    units = [(line.variant_id, line.units) for line in data.lines]

    async def book(connection: Connection, source: int) -> None:
        target = await listing.find_location(connection, data.target)
        await service.transfer(
            connection, units, source=source, target=target, reason=data.reason, actor=_actor(request)
        )

    return await _book(request, database, units, data.source, book, data.target)


async def _book(  # private, and called in a few places above
    request: Asked,
    database: Database,
    units: list[tuple[int, int]],
    location: str,
    book: Callable[[Connection, int], Awaitable[None]],
    *others: str,
) -> Response[bytes]:
    variants = sorted({variant for variant, _ in units})

    async def work(connection: Connection) -> Answer:
        place = await listing.find_location(connection, location)
        await listing.check_variants(connection, variants)
        await book(connection, place)
        levels = await listing.read_levels(connection, variants, [location, *others])
        return Answer(StockLevels(_levels(levels)), 201)

    return await run_once(request, database, work)


def _levels(found: list[listing.Level]) -> list[StockLevel]:
    return [StockLevel(one.variant_id, one.sku, one.location, one.available, one.reserved) for one in found]


def _actor(request: Asked) -> str:
    return f"key {request.state.key.name}"


def _read(cursor: str, start: Any, kind: Any) -> Any:
    """The position in the cursor, of database integers alone."""
    if not cursor:
        return start
    position = read_cursor(cursor, kind)
    if not all(0 <= one <= MOST_ID for one in position) or any(one > 32767 for one in position[1:][-1:]):
        raise bad_cursor(cursor)
    return position


routes: list[ControllerRouterHandler] = [
    list_stock,
    list_movements,
    list_reservations,
    list_locations,
    save_location,
    book_receipt,
    book_adjustment,
    book_count,
    book_transfer,
]
