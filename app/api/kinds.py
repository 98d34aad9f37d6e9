"""The kinds of values that the API reads, bounded in size and free of what a database text cannot hold."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import msgspec
from litestar.params import PathParameter, QueryParameter

from app.core.money import CURRENCY
from app.core.problems import Invalid

Kind = TypeVar("Kind", bound=StrEnum)

# One line of text, and a whole text. PostgreSQL has no zero byte; a control character is never meant.
LINE = r"^[^\x00-\x1f\x7f]*$"
NAME = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
NO_ZERO = r"^[^\x00]*$"
# Beyond what any price is, within what sums of it stay exact in.
MOST_AMOUNT = 10**11
# An integer of the database.
MOST_UNITS = 2**31 - 1
MOST_ID = 2**63 - 1

Line = Annotated[str, msgspec.Meta(max_length=255, pattern=LINE)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NAME)]
Block = Annotated[str, msgspec.Meta(max_length=40_000, pattern=NO_ZERO)]
PictureAddress = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=LINE)]
Id = Annotated[int, msgspec.Meta(ge=1, le=MOST_ID, examples=[1])]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Grams = Annotated[int, msgspec.Meta(ge=0, le=MOST_UNITS)]

PathId = Annotated[int, PathParameter(ge=1, le=MOST_ID)]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Most items of one answer")]
Cursor = Annotated[str, QueryParameter(max_length=200, description="next_cursor of the answer before")]


class Price(msgspec.Struct, forbid_unknown_fields=True):
    """An amount in minor units (cents)."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=MOST_AMOUNT, examples=[2490])]
    currency: Literal["EUR"] = CURRENCY  # type: ignore[assignment]


def moment(description: str) -> QueryParameter:
    """A time in a query, as text: read it with `read_moment`, which knows no `null`."""
    return QueryParameter(max_length=40, description=description, schema_extra={"format": "date-time"})


def choice(kind: type[StrEnum], *, name: str, description: str) -> QueryParameter:
    """One of a kind's values in a query, as text: read it with `read_choice`, which knows no `null`."""
    return QueryParameter(
        name=name, description=description, schema_extra={"enum": [str(each) for each in kind]}
    )


def read_choice(name: str, text: str | None, kind: type[Kind]) -> Kind | None:
    """The value in a query, None where it is not given. Raises Invalid, which quotes it."""
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError as error:
        raise Invalid({name: f"{name} is {text!r}: it must be one of {', '.join(kind)}"}) from error


def read_moment(name: str, text: str | None) -> datetime | None:
    """The time in a query, None where it is not given. Raises Invalid, which quotes it."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        message = f"{name} is {text!r}: it must be a time such as 2026-03-14T09:26:53Z"
        raise Invalid({name: message}) from error


def to_utc(name: str, moment: datetime | None) -> datetime | None:
    """The time in a body, as the database takes it. Raises Invalid for one outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError as error:
        message = f"{name} is {moment}: it must be a time such as 2026-03-14T09:26:53Z"
        raise Invalid({name: message}) from error
