"""Verbs on carts. A cart's id is 122 random bits: who knows it may change it."""

from __future__ import annotations

import contextlib
import uuid
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

import asyncpg
import msgspec
import structlog

from app.cart import queries
from app.core.database import Connection, Database
from app.core.money import Money
from app.core.problems import Invalid, NotFound, Problem
from app.inventory import service as inventory
from app.inventory.service import Held, Place
from app.pricing import basket
from app.pricing.service import Code
from app.shipping.packing import Item
from app.shipping.ports import Goods

# The CHECK of cart_lines.quantity says the same.
MOST_OF_ONE = 99
# ADD_LINE counts to the same.
MOST_LINES = 100
# Guests come back within the cookie's 30 days.
KEEP_DAYS = 31
# Each is lost only to a change of the cart in the same moment.
HOLD_ATTEMPTS = 4

log = structlog.get_logger()


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


async def create_cart(database: Database) -> uuid.UUID:
    """Make an empty cart."""
    cart_id = uuid.uuid4()
    await database.execute(queries.CREATE, cart_id)
    return cart_id


async def find_cart(database: Database, cart_id: uuid.UUID) -> CartRecord | None:
    """Read the cart with current prices and stock, or None."""
    rows = await database.fetch(queries.READ, cart_id)
    return _record(cart_id, rows) if rows else None


async def read_cart(database: Database, cart_id: uuid.UUID) -> CartRecord:
    """Read the cart. Raises NotFound."""
    record = await find_cart(database, cart_id)
    if record is None:
        raise _no_cart(cart_id)
    return record


async def count_items(database: Database, cart_id: uuid.UUID) -> int:
    """The number on the cart's badge."""
    count = await database.fetchval(queries.COUNT, cart_id)
    return int(count)


async def add_line(
    database: Database, cart_id: uuid.UUID, variant_id: int, quantity: int, *, version: int | None = None
) -> None:
    """Put units of a variant into the cart, on top of what it holds; into this version, if one is given.

    Raises Problem.
    """
    _check_quantity(quantity)
    async with database.connection() as connection:
        try:
            holds = await connection.fetchval(queries.ADD_LINE, cart_id, variant_id, quantity, version)
        except asyncpg.CheckViolationError as error:
            raise _too_many() from error
    if holds is None:
        await _explain(database, cart_id, variant_id, version)
    elif holds:
        await _adjust_hold(database, cart_id)


async def set_quantity(
    database: Database, cart_id: uuid.UUID, line_id: int, quantity: int, *, version: int | None = None
) -> None:
    """Change a line's quantity, in this version of the cart, if one is given. Raises Problem."""
    _check_quantity(quantity)
    async with database.connection() as connection:
        holds = await connection.fetchval(queries.SET_QUANTITY, cart_id, line_id, quantity, version)
    if holds is None:
        await _explain_line(database, cart_id, line_id, version)
    elif holds:
        await _adjust_hold(database, cart_id)


async def remove_line(
    database: Database, cart_id: uuid.UUID, line_id: int, *, version: int | None = None
) -> None:
    """Take a line out of this version of the cart, if one is given. Raises Problem."""
    async with database.connection() as connection:
        holds = await connection.fetchval(queries.REMOVE_LINE, cart_id, line_id, version)
    if holds is None:
        await _explain_line(database, cart_id, line_id, version)
    elif holds:
        await _adjust_hold(database, cart_id)


async def save_details(database: Database, cart_id: uuid.UUID, details: dict[str, Any]) -> None:
    """Keep what a checkout page collected. Raises Problem when the cart is no longer open."""
    async with database.connection() as connection:
        saved = await connection.fetchval(
            queries.SAVE_DETAILS, cart_id, msgspec.json.encode(details).decode()
        )
    if saved is None:
        await _open_cart(database, cart_id)


async def hold(database: Database, cart_id: uuid.UUID) -> CartRecord:
    """Hold the cart's units for its shopper, or let the hold last longer. Raises Problem.

    When there is too little of a line, the cart keeps what it holds of the others.
    """
    for _ in range(HOLD_ATTEMPTS):
        record = await find_fresh(database, cart_id)
        if record is None:
            raise _no_cart(cart_id)
        check_open(record.cart)
        if not record.cart.lines:
            await inventory.drop(database, cart_id)
            raise Invalid({"cart_id": f"cart_id is {cart_id}: this cart is empty"})
        if not record.short and record.is_held:
            until = await inventory.extend(database, cart_id)
            if until is not None:
                record.cart.reserved_until = until
            return record
        if record.short:
            await _keep_held(database, record)
            raise insufficient_stock(record.short)
        with contextlib.suppress(inventory.OutOfStockError):
            await inventory.claim(database, record.demand, partial(_put, record))
    raise cart_changed()


async def end_hold(database: Database, cart_id: uuid.UUID) -> None:
    """Give back what the cart holds, if anything. Raises NotFound."""
    if not await inventory.drop(database, cart_id) and await find_cart(database, cart_id) is None:
        raise _no_cart(cart_id)


async def find_fresh(database: Database, cart_id: uuid.UUID) -> CartRecord | None:
    """Like `find_cart`; when stock is short, holds that have expired are given back first."""
    record = await find_cart(database, cart_id)
    if record is not None and record.short and await inventory.expire(database):
        record = await find_cart(database, cart_id)
    return record


async def _adjust_hold(database: Database, cart_id: uuid.UUID) -> None:
    """After a change of the cart: hold what it lists now; where that cannot be, no more than before."""
    try:
        await hold(database, cart_id)
    except Problem as problem:
        log.info("the hold could not follow the cart", cart_id=str(cart_id), reason=problem.type)


async def _put(
    record: CartRecord, connection: Connection, allocation: inventory.Allocation
) -> datetime | None:
    return await inventory.put(connection, record.cart.id, record.version, allocation)


async def _keep_held(database: Database, record: CartRecord) -> None:
    kept, moves = inventory.keep(record.wanted, record.places, record.held)
    if moves:
        claims = [inventory.Claim(variant, location, units) for (variant, location), units in kept.items()]
        async with database.connection() as connection:
            await _put(record, connection, inventory.Allocation(claims, moves))


async def delete_stale_carts(database: Database) -> None:
    """Forget open carts that nobody touched for KEEP_DAYS."""
    await database.execute(queries.DELETE_STALE, KEEP_DAYS)


def insufficient_stock(lines: list[Line]) -> Problem:
    """The 409 that names each line with too little stock."""
    listed = [
        {
            "variant_id": line.variant_id,
            "sku": line.sku,
            "title": line.title,
            "quantity": line.quantity,
            "available": line.available,
        }
        for line in lines
    ]
    detail = "; ".join(
        f"{one['title']}: {one['quantity']} wanted, {one['available']} available" for one in listed
    )
    return Problem(409, "insufficient-stock", "There is not enough stock", detail, lines=listed)


async def _explain(database: Database, cart_id: uuid.UUID, variant_id: int, version: int | None) -> NoReturn:
    cart = await _open_cart(database, cart_id, version)
    if not await database.fetchval(queries.SELLABLE, variant_id):
        raise Invalid({"variant_id": f"variant_id is {variant_id}: no such variant is for sale"})
    if len(cart.lines) >= MOST_LINES:
        raise Problem(409, "cart-full", "The cart is full", f"A cart holds at most {MOST_LINES} lines.")
    raise cart_changed()


async def _explain_line(
    database: Database, cart_id: uuid.UUID, line_id: int, version: int | None
) -> NoReturn:
    cart = await _open_cart(database, cart_id, version)
    if line_id not in [line.id for line in cart.lines]:
        raise NotFound(f"The cart has no line {line_id}.")
    raise cart_changed()


def cart_changed() -> Problem:
    """The 409 when others changed the cart again and again meanwhile."""
    return Problem(409, "cart-changed", "The cart has changed", "Please try again.", retry_after=1)


async def _open_cart(database: Database, cart_id: uuid.UUID, version: int | None = None) -> Cart:
    record = await read_cart(database, cart_id)
    check_open(record.cart)
    if version is not None and record.version != version:
        detail = "If-Match names a state that the cart is no longer in: read it again."
        raise Problem(412, "precondition-failed", "It has changed meanwhile", detail)
    return record.cart


def _no_cart(cart_id: uuid.UUID) -> Problem:
    """The 404 of a cart."""
    return NotFound(f"There is no cart {cart_id}.")


def check_open(cart: Cart) -> None:
    """Raise Problem when the cart cannot change any more."""
    if cart.state == "ordering":
        raise Problem(
            409, "checkout-in-progress", "The cart is being ordered", "Its payment is not finished yet."
        )
    if cart.state == "ordered":
        raise Problem(409, "cart-ordered", "The cart has been ordered", "Start a new cart.")


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= MOST_OF_ONE:
        raise _too_many(quantity)


def _too_many(quantity: int | None = None) -> Invalid:
    given = "" if quantity is None else f" is {quantity}: it"
    return Invalid({"quantity": f"quantity{given} must be from 1 to {MOST_OF_ONE} of one variant in a cart"})


def _record(cart_id: uuid.UUID, rows: list[asyncpg.Record]) -> CartRecord:
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
