"""What the API says and is told of promotions. Percentages are basis points: 1000 are 10 %."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from app.api.kinds import LINE, NAME, NO_ZERO, Moment, Price
from app.core.money import Money
from app.pricing.basket import WHOLE

# What one request may make: its answer names each code.
MOST_CODES = 1000

Percent = Annotated[
    int, msgspec.Meta(ge=1, le=WHOLE, description="Basis points: 1000 are 10 %", examples=[1000])
]
Units = Annotated[int, msgspec.Meta(ge=1, le=1000, examples=[2])]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=NAME, examples=["Spring sale"])]
Priority = Annotated[
    int, msgspec.Meta(ge=0, le=10_000, description="The smallest number comes first", examples=[100])
]
Handles = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=NO_ZERO)]],
    msgspec.Meta(max_length=200, description="Handles of what it is for", examples=[[]]),
]
Group = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        pattern=LINE,
        description="Of one group, only the one that saves most applies",
        examples=["seasonal"],
    ),
]
UsageLimit = Annotated[int, msgspec.Meta(ge=1, le=100_000_000, description="Orders in all", examples=[500])]
PerCustomer = Annotated[
    int, msgspec.Meta(ge=1, le=100, description="Orders per e-mail address", examples=[1])
]
From = Annotated[Moment | None, msgspec.Meta(description="Null: at once", examples=["2026-03-01T00:00:00Z"])]
Until = Annotated[
    Moment | None, msgspec.Meta(description="Null: for good", examples=["2026-04-01T00:00:00Z"])
]
Automatic = Annotated[
    bool, msgspec.Meta(description="By itself, or only for who has one of its codes", examples=[False])
]
Exclusive = Annotated[bool, msgspec.Meta(description="Never together with another", examples=[False])]
FirstOrder = Annotated[bool, msgspec.Meta(description="Only with a first order", examples=[False])]


class PercentRule(msgspec.Struct, tag="percent_off", forbid_unknown_fields=True):
    """A percentage off."""

    percent: Percent


class AmountRule(msgspec.Struct, tag="amount_off", forbid_unknown_fields=True):
    """So much off, once, shared by the goods it is for."""

    amount: Price


class BuyGetRule(msgspec.Struct, tag="buy_get", forbid_unknown_fields=True):
    """Of each `buy` + `get` units, the `get` cheapest are reduced; they are free unless said."""

    buy: Units
    get: Units
    percent: Percent = WHOLE


class TierStep(msgspec.Struct, forbid_unknown_fields=True):
    """From so many units on, so much off."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=9999, examples=[3])]
    percent: Percent


class TiersRule(msgspec.Struct, tag="tiers", forbid_unknown_fields=True):
    """The more units, the more off: the highest step that is reached counts."""

    steps: Annotated[list[TierStep], msgspec.Meta(min_length=1, max_length=20)]


class ShippingRule(msgspec.Struct, tag="free_shipping", forbid_unknown_fields=True):
    """Delivery costs nothing."""


Rule = PercentRule | AmountRule | BuyGetRule | TiersRule | ShippingRule


class ManagedPromotion(msgspec.Struct, kw_only=True):
    """A promotion; for everything when `products` and `collections` are empty."""

    id: int
    title: Title
    automatic: Automatic
    active: bool
    action: Rule
    products: Handles
    collections: Handles
    minimum_spend: Money
    minimum_quantity: Annotated[int, msgspec.Meta(examples=[0])]
    starts_at: From
    ends_at: Until
    usage_limit: UsageLimit | None
    spent: Annotated[bool, msgspec.Meta(description="All its uses are booked", examples=[False])]
    per_customer: PerCustomer | None
    first_order: FirstOrder
    priority: Priority
    exclusive: Exclusive
    group: Group
    created_at: Moment


class PromotionList(msgspec.Struct):
    """Some promotions, newest first; `next_cursor` is null at the end."""

    items: list[ManagedPromotion]
    next_cursor: str | None


class PromotionDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A promotion to be made. What it does, and for what, stays so."""

    title: Title
    automatic: Automatic
    action: Rule
    products: Handles = []
    collections: Handles = []
    minimum_spend: Price | None = None
    minimum_quantity: Annotated[int, msgspec.Meta(ge=0, le=10_000, examples=[0])] = 0
    starts_at: From = None
    ends_at: Until = None
    usage_limit: UsageLimit | None = None
    per_customer: PerCustomer | None = None
    first_order: FirstOrder = False
    priority: Priority = 100
    exclusive: Exclusive = False
    group: Group = ""


class ChangedPromotion(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shall be different; what is left out stays. One that is not `active` applies to no order."""

    title: Title | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    starts_at: From | UnsetType = UNSET
    ends_at: Until | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class PromotionCode(msgspec.Struct):
    """A code; `order_number` is of the order that used a code for one order up."""

    code: Annotated[str, msgspec.Meta(examples=["SPRING10"])]
    single_use: Annotated[bool, msgspec.Meta(examples=[False])]
    order_number: Annotated[str | None, msgspec.Meta(examples=[None])]
    created_at: Moment


class PromotionCodeList(msgspec.Struct):
    """Some codes in the order of the alphabet; `next_cursor` is null at the end."""

    items: list[PromotionCode]
    next_cursor: str | None


class NewCode(msgspec.Struct, forbid_unknown_fields=True):
    """A code that many may use; capitals, spaces and hyphens make no difference."""

    code: Annotated[
        str,
        msgspec.Meta(
            max_length=32,
            pattern="^[A-Za-z0-9]([ -]?[A-Za-z0-9]){2,31}$",
            description="3 to 32 letters and digits",
            examples=["SPRING10"],
        ),
    ]


class NewCodes(msgspec.Struct, forbid_unknown_fields=True):
    """How many codes, each for one order, that nobody guesses."""

    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_CODES, examples=[3])]


class NewCodesMade(msgspec.Struct):
    """The codes that were made."""

    codes: Annotated[list[str], msgspec.Meta(examples=[["7K2MQ4XNB8TRWC5H"]])]
