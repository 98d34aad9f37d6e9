"""The port that every source of shipping rates fulfils."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec

from app.core.money import Money


class Rate(msgspec.Struct, frozen=True):
    """One offer to deliver a parcel."""

    # What a checkout names as its `shipping_method`.
    id: Annotated[str, msgspec.Meta(examples=["standard"])]
    title: str
    price: Money
    days: str


class RateSource(Protocol):
    """Quotes for a parcel of `grams` to a country (ISO 3166-1 alpha-2), and the countries served."""

    async def quote(self, country: str, postcode: str, grams: int) -> list[Rate]: ...

    async def countries(self) -> dict[str, str]: ...
