"""What the arithmetic of prices takes and gives. Amounts are minor units, rates are basis points."""

from __future__ import annotations

from datetime import datetime

import msgspec

# Basis points in the whole: 100 %.
WHOLE = 10_000
# Of gift cards that are sold: nothing is taken off them, and no rate has this name.
GIFT_CARD = "gift card"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one variant; a basket names a variant once."""

    variant: int
    product: int
    quantity: int
    price: int
    tax_class: str = "standard"
    collections: frozenset[int] = frozenset()

    @property
    def amount(self) -> int:
        return self.quantity * self.price


class PercentOff(msgspec.Struct, frozen=True, tag="percent_off"):
    """So many basis points off."""

    percent: int


class AmountOff(msgspec.Struct, frozen=True, tag="amount_off"):
    """So much off, once, shared by the items it is for."""

    amount: int


class BuyGet(msgspec.Struct, frozen=True, tag="buy_get"):
    """Of each `buy` + `get` units, the `get` cheapest are reduced; by all of their price unless said."""

    buy: int
    get: int
    percent: int = WHOLE


class Step(msgspec.Struct, frozen=True):
    """From so many units on, so much off."""

    quantity: int
    percent: int


class Tiers(msgspec.Struct, frozen=True, tag="tiers"):
    """The more units, the more off: the highest step that is reached counts."""

    steps: tuple[Step, ...]


class FreeShipping(msgspec.Struct, frozen=True, tag="free_shipping"):
    """Delivery costs nothing."""


Action = PercentOff | AmountOff | BuyGet | Tiers | FreeShipping


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: when its conditions hold, its action applies to the items it is for."""

    id: int
    title: str
    action: Action
    # How the shopper asked for it; None when it applies by itself.
    code: str | None = None
    # What it is for, either kind; everything when both are empty.
    products: frozenset[int] = frozenset()
    collections: frozenset[int] = frozenset()
    # Of the items it is for, at their prices before any discount.
    minimum_spend: int = 0
    minimum_quantity: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    # Per e-mail address.
    per_customer: int | None = None
    first_order: bool = False
    # All its uses are booked, or it was switched off.
    is_spent: bool = False
    is_off: bool = False
    # Applied in the order of priority, the lowest number first.
    priority: int = 100
    # Never together with another one; of several ways, the shopper gets the one that saves most.
    exclusive: bool = False
    # Of those with the same group only the one that saves most applies.
    group: str = ""

    def is_for(self, item: Item) -> bool:
        if item.tax_class == GIFT_CARD:
            return False
        if not self.products and not self.collections:
            return True
        return item.product in self.products or not self.collections.isdisjoint(item.collections)


class Shopper(msgspec.Struct, frozen=True):
    """What is known of who buys: nothing before there is an e-mail address."""

    has_ordered: bool = False
    # Uses by promotion.
    uses: dict[int, int] = {}


class GiftCard(msgspec.Struct, frozen=True):
    """A card that the shopper put in; its last characters tell it from others."""

    id: int
    last: str
    balance: int


class Benefit(msgspec.Struct, frozen=True):
    """A promotion that applied: what it took off the items, and off the delivery."""

    promotion: int
    title: str
    code: str | None
    amount: int
    shipping: int


class Share(msgspec.Struct, frozen=True):
    """What one promotion took off one line."""

    title: str
    amount: int


class Refusal(msgspec.Struct, frozen=True):
    """Why a promotion does not apply, in words; `final` when nothing put into the cart would change it."""

    reason: str
    final: bool


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line's part of everything; `shares` add up to `discount`."""

    variant: int
    amount: int
    discount: int
    tax: int
    tax_rate: int
    shares: tuple[Share, ...]


class Payment(msgspec.Struct, frozen=True):
    """What one gift card pays."""

    card: GiftCard
    amount: int


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """The basket with everything that makes its total; lines in the order they were given."""

    lines: tuple[PricedLine, ...]
    subtotal: int
    discount: int
    # What delivery costs after its discounts.
    shipping: int
    shipping_tax: int
    shipping_tax_rate: int
    tax: int
    tax_included: bool
    total: int
    benefits: tuple[Benefit, ...]
    payments: tuple[Payment, ...]
    # Why a promotion that was asked for does not apply, by its id.
    refusals: dict[int, Refusal]

    @property
    def gift_card(self) -> int:
        return sum(payment.amount for payment in self.payments)

    @property
    def due(self) -> int:
        """What the gateway takes."""
        return self.total - self.gift_card
