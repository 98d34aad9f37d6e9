"""Verbs on carts. A cart's id is 122 random bits: who knows it may change it."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

import asyncpg
import msgspec

from app.cart import queries
from app.core.database import Database
from app.core.money import Money
from app.core.problems import Invalid, NotFound, Problem

# The CHECK of cart_lines.quantity says the same.
MOST_OF_ONE = 99
# ADD_LINE counts to the same.
MOST_LINES = 100
# Guests come back within the cookie's 30 days.
KEEP_DAYS = 31


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
    total: Money


class Totals(msgspec.Struct):
    """Sums over the lines."""

    quantity: int
    subtotal: Money


class Cart(msgspec.Struct, kw_only=True):
    """A cart as the API shows it."""

    id: uuid.UUID
    state: str
    lines: list[Line]
    totals: Totals

    @classmethod
    def empty(cls, cart_id: uuid.UUID) -> Cart:
        return cls(id=cart_id, state="open", lines=[], totals=Totals(0, Money(0)))


class CartRecord(msgspec.Struct, kw_only=True):
    """A cart with what checkout needs besides: version, details given so far, weight, locations."""

    cart: Cart
    version: int
    details: dict[str, Any]
    grams: int
    # By line, in the same order.
    locations: list[int | None]

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


async def read_cart(database: Database, cart_id: uuid.UUID) -> Cart:
    """Read the cart. Raises NotFound."""
    record = await find_cart(database, cart_id)
    if record is None:
        raise NotFound(f"There is no cart {cart_id}.")
    return record.cart


async def count_items(database: Database, cart_id: uuid.UUID) -> int:
    """The number on the cart's badge."""
    count = await database.fetchval(queries.COUNT, cart_id)
    return int(count)


async def add_line(database: Database, cart_id: uuid.UUID, variant_id: int, quantity: int) -> None:
    """Put units of a variant into the cart, on top of what it holds. Raises Problem."""
    _check_quantity(quantity)
    async with database.connection() as connection:
        try:
            added = await connection.fetchval(queries.ADD_LINE, cart_id, variant_id, quantity)
        except asyncpg.CheckViolationError as error:
            raise _too_many() from error
    if added is None:
        await _explain(database, cart_id, variant_id)


async def set_quantity(database: Database, cart_id: uuid.UUID, line_id: int, quantity: int) -> None:
    """Change a line's quantity. Raises Problem."""
    _check_quantity(quantity)
    async with database.connection() as connection:
        changed = await connection.fetchval(queries.SET_QUANTITY, cart_id, line_id, quantity)
    if changed is None:
        await _explain_line(database, cart_id, line_id)


async def remove_line(database: Database, cart_id: uuid.UUID, line_id: int) -> None:
    """Take a line out. Raises Problem."""
    async with database.connection() as connection:
        removed = await connection.fetchval(queries.REMOVE_LINE, cart_id, line_id)
    if removed is None:
        await _explain_line(database, cart_id, line_id)


async def save_details(database: Database, cart_id: uuid.UUID, details: dict[str, Any]) -> None:
    """Keep what a checkout page collected. Raises Problem when the cart is no longer open."""
    async with database.connection() as connection:
        saved = await connection.fetchval(
            queries.SAVE_DETAILS, cart_id, msgspec.json.encode(details).decode()
        )
    if saved is None:
        await _open_cart(database, cart_id)


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


async def _explain(database: Database, cart_id: uuid.UUID, variant_id: int) -> NoReturn:
    cart = await _open_cart(database, cart_id)
    if not await database.fetchval(queries.SELLABLE, variant_id):
        raise Invalid({"variant_id": f"variant_id is {variant_id}: no such variant is for sale"})
    if len(cart.lines) >= MOST_LINES:
        raise Problem(409, "cart-full", "The cart is full", f"A cart holds at most {MOST_LINES} lines.")
    raise _changed()


async def _explain_line(database: Database, cart_id: uuid.UUID, line_id: int) -> NoReturn:
    cart = await _open_cart(database, cart_id)
    if line_id not in [line.id for line in cart.lines]:
        raise NotFound(f"The cart has no line {line_id}.")
    raise _changed()


def _changed() -> Problem:
    return Problem(409, "cart-changed", "The cart has changed", "Please try again.", retry_after=1)


async def _open_cart(database: Database, cart_id: uuid.UUID) -> Cart:
    cart = await read_cart(database, cart_id)
    if cart.state == "ordering":
        raise Problem(
            409, "checkout-in-progress", "The cart is being ordered", "Its payment is not finished yet."
        )
    if cart.state == "ordered":
        raise Problem(409, "cart-ordered", "The cart has been ordered", "Start a new cart.")
    return cart


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= MOST_OF_ONE:
        raise _too_many(quantity)


def _too_many(quantity: int | None = None) -> Invalid:
    given = "" if quantity is None else f" is {quantity}: it"
    return Invalid({"quantity": f"quantity{given} must be from 1 to {MOST_OF_ONE} of one variant in a cart"})


def _record(cart_id: uuid.UUID, rows: list[asyncpg.Record]) -> CartRecord:
    lines, locations, grams = [], [], 0
    for row in rows:
        # A variant that left the catalogue for good leaves the cart too.
        if row["sku"] is None:
            continue
        price, quantity = row["price"], row["quantity"]
        grams += row["weight_grams"] * quantity
        locations.append(row["location_id"])
        lines.append(
            Line(
                id=row["line_id"],
                variant_id=row["variant_id"],
                sku=row["sku"],
                handle=row["handle"],
                title=row["product_title"],
                variant_title=row["variant_title"],
                image=row["image"],
                quantity=quantity,
                available=row["available"] if row["sellable"] else 0,
                price=Money(price),
                total=Money(price * quantity),
            )
        )
    totals = Totals(sum(line.quantity for line in lines), Money(sum(line.total.amount for line in lines)))
    first = rows[0]
    return CartRecord(
        cart=Cart(id=cart_id, state=first["state"], lines=lines, totals=totals),
        version=first["version"],
        details=msgspec.json.decode(first["details"]),
        grams=grams,
        locations=locations,
    )
