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
from app.cart.records import Cart, CartRecord, Line, read_record
from app.core.database import Connection, Database
from app.core.problems import Invalid, NotFound, Problem
from app.inventory import service as inventory

# The CHECK of cart_lines.quantity says the same.
MOST_OF_ONE = 99
# ADD_LINE counts to the same.
MOST_LINES = 100
# Guests come back within the cookie's 30 days.
KEEP_DAYS = 31
# Each is lost only to a change of the cart in the same moment.
HOLD_ATTEMPTS = 4

log = structlog.get_logger()


async def create_cart(database: Database) -> uuid.UUID:
    """Make an empty cart."""
    cart_id = uuid.uuid4()
    await database.execute(queries.CREATE, cart_id)
    return cart_id


async def find_cart(database: Database, cart_id: uuid.UUID) -> CartRecord | None:
    """Read the cart with current prices and stock, or None."""
    rows = await database.fetch(queries.READ, cart_id)
    return read_record(cart_id, rows) if rows else None


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
