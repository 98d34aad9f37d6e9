"""What the API says and is told of stock."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.api.kinds import NAME, Id, Moment, Name

# What one booking may move of a variant.
MOST = 1_000_000

LocationCode = Annotated[
    str,
    msgspec.Meta(
        pattern="^[a-z0-9][a-z0-9-]{0,39}$",
        max_length=40,
        description="Code of a location",
        examples=["main"],
    ),
]
Reason = Annotated[Name, msgspec.Meta(description="Why, for the ledger", examples=["delivery 4711"])]
Units = Annotated[int, msgspec.Meta(ge=1, le=MOST, examples=[20])]


class StockLevel(msgspec.Struct):
    """The stock of a variant at a location: `available` can be sold, `reserved` belongs to orders."""

    variant_id: int
    sku: str
    location: Annotated[str, msgspec.Meta(examples=["main"])]
    available: int
    reserved: int


class StockLevels(msgspec.Struct):
    """The levels that a booking touched, as they are after it."""

    items: list[StockLevel]


class StockList(msgspec.Struct):
    """Some levels; `next_cursor` is null at the end."""

    items: list[StockLevel]
    next_cursor: str | None


class Movement(msgspec.Struct):
    """A line of the ledger; what left has a negative quantity."""

    id: int
    location: Annotated[str, msgspec.Meta(examples=["main"])]
    kind: Annotated[str, msgspec.Meta(examples=["received"])]
    quantity: int
    reason: str
    actor: Annotated[str, msgspec.Meta(examples=["key warehouse system"])]
    order_number: Annotated[str | None, msgspec.Meta(examples=[None])]
    created_at: Moment


class MovementList(msgspec.Struct):
    """Some movements, newest first; `next_cursor` is null at the end."""

    items: list[Movement]
    next_cursor: str | None


class Reservation(msgspec.Struct):
    """Units that an order has until they are shipped or released."""

    order_number: Annotated[str, msgspec.Meta(examples=["S100042"])]
    variant_id: int
    location: Annotated[str, msgspec.Meta(examples=["main"])]
    quantity: int


class ReservationList(msgspec.Struct):
    """Some reservations, oldest orders first; `next_cursor` is null at the end."""

    items: list[Reservation]
    next_cursor: str | None


class Location(msgspec.Struct):
    """A warehouse or a shop; orders take from the lowest `priority` first."""

    code: Annotated[str, msgspec.Meta(examples=["main"])]
    name: Annotated[str, msgspec.Meta(examples=["Main warehouse"])]
    priority: Annotated[int, msgspec.Meta(examples=[100])]


class Locations(msgspec.Struct):
    """Every location, in the order in which they are used."""

    items: list[Location]


class ChangedLocation(msgspec.Struct, forbid_unknown_fields=True):
    """What the location shall be called, and when it is used."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=120, pattern=NAME, examples=["Main warehouse"])
    ]
    priority: Annotated[int, msgspec.Meta(ge=0, le=9999, examples=[100])] = 100


class UnitsLine(msgspec.Struct, forbid_unknown_fields=True):
    """Units of a variant."""

    variant_id: Id
    units: Units


class ChangeLine(msgspec.Struct, forbid_unknown_fields=True):
    """Units of a variant; negative ones are gone."""

    variant_id: Id
    units: Annotated[int, msgspec.Meta(ge=-MOST, le=MOST, examples=[2])]


class CountLine(msgspec.Struct, forbid_unknown_fields=True):
    """The units of a variant that shall be available."""

    variant_id: Id
    available: Annotated[int, msgspec.Meta(ge=0, le=MOST, examples=[12])]


class Receipt(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Goods that came."""

    reason: Reason
    lines: Annotated[list[UnitsLine], msgspec.Meta(min_length=1, max_length=200)]
    location: LocationCode = "main"


class Adjustment(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A correction of what is available: damage, loss, a find."""

    reason: Reason
    lines: Annotated[list[ChangeLine], msgspec.Meta(min_length=1, max_length=200)]
    location: LocationCode = "main"


class Count(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a count found to be available, each variant once; what orders have reserved is not part of it."""

    reason: Reason
    lines: Annotated[list[CountLine], msgspec.Meta(min_length=1, max_length=200)]
    location: LocationCode = "main"


class Transfer(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Goods that went from one location to another."""

    reason: Reason
    lines: Annotated[list[UnitsLine], msgspec.Meta(min_length=1, max_length=200)]
    source: LocationCode
    target: Annotated[LocationCode, msgspec.Meta(examples=["shop"])]
