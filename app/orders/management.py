"""Orders for other systems: found, read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ControllerRouterHandler

from app.api.conditions import answer_tagged
from app.api.kinds import MOST_ID, Cursor, Limit, Moment, choice, moment, read_choice, read_moment
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Database
from app.core.money import Money
from app.keys.guards import needs
from app.keys.service import Scope
from app.orders import listing, service
from app.orders.transitions import OrderState

Asked = Request[Any, Any, Any]
TAG = "manage orders"


class ListedOrder(msgspec.Struct):
    """An order of a list."""

    number: str
    state: OrderState
    created_at: Moment
    # When it entered the state that it is in.
    updated_at: Moment
    email: str
    total: Money


class OrderList(msgspec.Struct):
    """Some orders, newest first; `next_cursor` is null at the end."""

    items: list[ListedOrder]
    next_cursor: str | None


State = Annotated[str | None, choice(OrderState, name="state", description="Only orders in this state")]
CreatedFrom = Annotated[str | None, moment("Made at or after this time")]
CreatedTo = Annotated[str | None, moment("Made before this time")]
UpdatedFrom = Annotated[str | None, moment("Changed at or after this time")]


@get(
    "/api/v1/admin/orders",
    tags=[TAG],
    responses={200: ResponseSpec(OrderList, description="Orders")},
    opt={"etag": True},
    **needs(Scope.ORDERS_READ),
)
async def list_orders(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    in_state: State = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    updated_from: UpdatedFrom = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List orders, newest first. To follow changes, ask with `updated_from` of the last time asked."""
    before = read_cursor(cursor, int) if cursor else MOST_ID
    if not 0 <= before <= MOST_ID:
        raise bad_cursor(cursor)
    found = await listing.list_orders(
        database,
        before=before,
        limit=limit + 1,
        state=read_choice("state", in_state, OrderState),
        created_from=read_moment("created_from", created_from),
        created_to=read_moment("created_to", created_to),
        updated_from=read_moment("updated_from", updated_from),
    )
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    items = [
        ListedOrder(
            row.number, row.state, row.created_at, row.updated_at, row.email, Money(row.total, row.currency)
        )
        for row in found[:limit]
    ]
    return answer_tagged(request, msgspec.json.encode(OrderList(items, following)))


@get(
    "/api/v1/admin/orders/{number:str}",
    tags=[TAG],
    responses={200: ResponseSpec(service.Order, description="The order")},
    opt={"etag": True},
    **needs(Scope.ORDERS_READ),
)
async def show_managed_order(request: Asked, database: Database, number: str) -> Response[bytes]:
    """One order with its lines, its address and its history."""
    return answer_tagged(request, msgspec.json.encode(await service.find_order(database, number)))


routes: list[ControllerRouterHandler] = [list_orders, show_managed_order]
