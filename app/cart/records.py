"""What a cart is: what the API shows of it, and what checkout needs besides."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from app.core.money import Money
from app.inventory import service as inventory
from app.inventory.service import Held, Place
from app.pricing import basket
from app.pricing.service import Code
from app.shipping.packing import Item
from app.shipping.ports import Goods


class Line(msgspec.Struct, kw_only=True):
    """One line, with the price and the stock of this moment."""

    id: int
    variant_id: int
    sku: str
    handle: str
    title: str
    variant_title: str
    image: str | None
    quantity: int
    # Units the shopper could have now; 0 when the variant is no longer sold.
    available: int
    price: Money
    # Quantity times price, before any discount.
    total: Money
    # What promotions take off the line, and what each of them does.
    discount: Money = Money(0)
    benefits: list[LineBenefit] = []


class LineBenefit(msgspec.Struct):
    """A promotion's part of a line's discount."""

    title: str
    amount: Money


class Totals(msgspec.Struct):
    """Sums over the lines, without delivery. `total` = subtotal - discount, + tax unless it is included."""

    quantity: int
    subtotal: Money
    discount: Money = Money(0)
    tax: Money = Money(0)
    tax_included: bool = True
    total: Money = Money(0)
    # The part of the total that the gift cards in the cart pay.
    gift_card: Money = Money(0)


class CartBenefit(msgspec.Struct):
    """A promotion that applies; `shipping` is what it takes off the delivery."""

    title: str
    code: str | None
    amount: Money
    shipping: Money


class Cart(msgspec.Struct, kw_only=True):
    """A cart as the API shows it."""

    id: uuid.UUID
    state: str
    lines: list[Line]
    totals: Totals
    # Until when the cart's units are kept for its shopper; null when they are not.
    reserved_until: datetime | None = None
    benefits: list[CartBenefit] = []
    # Voucher codes and gift cards, with what each does or why it does nothing.
    codes: list[Code] = []

    @classmethod
    def empty(cls, cart_id: uuid.UUID) -> Cart:
        return cls(id=cart_id, state="open", lines=[], totals=Totals(0, Money(0)))


class CartRecord(msgspec.Struct, kw_only=True):
    """A cart with what checkout needs besides: version, details given so far, weight, where its units are."""

    cart: Cart
    version: int
    details: dict[str, Any]
    goods: Goods
    # By variant, those of the location to be used first coming first.
    places: dict[int, list[Place]]
    # Units by variant and location that nobody else can have.
    held: Held
    # What the price is made of: what there is, voucher codes, ids of gift cards.
    sold: list[basket.Item]
    codes: list[str]
    gift_cards: list[int]

    @property
    def wanted(self) -> dict[int, int]:
        """Units by variant."""
        return {line.variant_id: line.quantity for line in self.cart.lines}

    @property
    def demand(self) -> inventory.Demand:
        """What inventory must know to find its units."""
        return inventory.Demand(self.cart.id, self.wanted, self.places, self.held)

    @property
    def is_held(self) -> bool:
        """Whether the cart holds exactly what it lists."""
        sums: dict[int, int] = {}
        for (variant, _), units in self.held.items():
            sums[variant] = sums.get(variant, 0) + units
        return sums == self.wanted

    @property
    def short(self) -> list[Line]:
        """The lines that there is not enough stock for."""
        return [line for line in self.cart.lines if line.available < line.quantity]


def read_record(cart_id: uuid.UUID, rows: list[asyncpg.Record]) -> CartRecord:
    """The cart that the rows of queries.READ tell of; there is at least one."""
    first = rows[0]
    held = {(variant, place): units for variant, place, units in msgspec.json.decode(first["held"] or "[]")}
    lines, places, items, sold = [], {}, [], []
    for row in rows:
        # A variant that left the catalogue for good leaves the cart too.
        if row["sku"] is None:
            continue
        variant, price, quantity = row["variant_id"], row["price"], row["quantity"]
        if row["requires_shipping"]:
            items.append(_item(row))
        places[variant] = _places(row)
        available = sum(place.available for place in places[variant])
        if held:
            available += sum(units for (of, _), units in held.items() if of == variant)
        sold.append(
            basket.Item(
                variant=variant,
                product=row["product_id"],
                quantity=quantity,
                price=price,
                tax_class=row["tax_class"],
            )
        )
        lines.append(
            Line(
                id=row["line_id"],
                variant_id=variant,
                sku=row["sku"],
                handle=row["handle"],
                title=row["product_title"],
                variant_title=row["variant_title"],
                image=row["image"],
                quantity=quantity,
                available=available if row["sellable"] else 0,
                price=Money(price),
                total=Money(price * quantity),
            )
        )
    totals = Totals(sum(line.quantity for line in lines), Money(sum(line.total.amount for line in lines)))
    return CartRecord(
        cart=Cart(
            id=cart_id,
            state=first["state"],
            lines=lines,
            totals=totals,
            reserved_until=first["held_until"],
        ),
        version=first["version"],
        details=msgspec.json.decode(first["details"]),
        goods=Goods(tuple(items), totals.subtotal.amount),
        places=places,
        held=held,
        sold=sold,
        codes=first["codes"],
        gift_cards=first["gift_cards"],
    )


def _item(row: asyncpg.Record) -> Item:
    size = (row["length_mm"], row["width_mm"], row["height_mm"]) if row["length_mm"] else None
    return Item(row["product_title"], size, row["weight_grams"], row["quantity"])


def _places(row: asyncpg.Record) -> list[Place]:
    if row["place_locations"] is None:
        return []
    places = list(map(Place, row["place_locations"], row["place_buckets"], row["place_units"]))
    if len(places) > 1:
        order = row["locations"]
        places.sort(key=lambda place: order.index(place.location))
    return places
