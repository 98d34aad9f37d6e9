"""Captured with each parcel, let go with the rest; card and gift card each get back what is theirs."""

from __future__ import annotations

import uuid
from dataclasses import replace

import asyncpg
import httpx

from app import reconcile
from app.checkout.forms import Address, CheckoutRequest, PaymentChoice
from app.checkout.service import check_out
from app.checkout.shop import Shop
from app.core.database import Database
from app.orders.money import settle_money
from app.payments.service import Ledger, read_ledger
from tests.app.factories import ADDRESS, STANDARD, fill_cart, make_variant
from tests.app.orders.test_workflow import cancel, send
from tests.app.processes import Process
from tests.app.promotions.makers import make_gift_card, put_code

PRICE = 1000


async def place(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, *quantities: int, code: str = ""
) -> int:
    """An order of new variants at 10.00 each, paid by the gift card first; returns its id."""
    cart = fill_cart(
        client, *[(await make_variant(owner, price=PRICE, grams=100), units) for units in quantities]
    )
    if code:
        put_code(client, cart, code).raise_for_status()
    address = Address(**{"line2": "", **ADDRESS})
    request = CheckoutRequest(
        uuid.UUID(cart), "ada@example.com", address, "standard", PaymentChoice("tok_ok")
    )
    answer = await check_out(shop, uuid.uuid4().hex, request)
    assert answer.status == 201, answer
    return int(await owner.fetchval("SELECT id FROM orders WHERE cart_id = $1", uuid.UUID(cart)))


async def settle(shop: Shop, owner: asyncpg.Connection, order_id: int) -> Ledger:
    """Twice: a job may be repeated. Then its jobs are done, so that every check counts."""
    for _ in range(2):
        await settle_money(shop, order_id)
    await owner.execute("DELETE FROM procrastinate_jobs WHERE lock = $1", f"order:{order_id}")
    assert await reconcile.check(owner) == 0
    async with shop.database.connection() as connection:
        return await read_ledger(connection, order_id)


async def balance(owner: asyncpg.Connection, card: int) -> int:
    return int(await owner.fetchval("SELECT balance FROM gift_cards WHERE id = $1", card))


async def test_each_parcel_takes_its_part_and_what_is_cancelled_is_let_go(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    order = await place(client, owner, replace(shop, captures_at_order=False), 3, 1)
    ledger = await settle(shop, owner, order)
    assert (ledger.authorized, ledger.captured) == (4 * PRICE + STANDARD, 0)
    await send(database, order, {1: 1})
    assert (await settle(shop, owner, order)).captured == PRICE + STANDARD
    await send(database, order, {1: 1, 2: 1})
    assert (await settle(shop, owner, order)).captured == 3 * PRICE + STANDARD
    assert await cancel(database, order) == "shipped"
    ledger = await settle(shop, owner, order)
    assert (ledger.captured, ledger.voided, ledger.refunded) == (3 * PRICE + STANDARD, PRICE, 0)


async def test_an_order_that_is_cancelled_before_it_is_sent_was_never_charged(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    order = await place(client, owner, replace(shop, captures_at_order=False), 2)
    await cancel(database, order)
    ledger = await settle(shop, owner, order)
    assert (ledger.captured, ledger.voided) == (0, ledger.authorized)


async def test_gift_cards_pay_first_so_their_money_comes_back_last(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    card, code = await make_gift_card(owner, 2500)
    order = await place(client, owner, shop, 4, code=code)
    assert (await settle(shop, owner, order)).captured == 4 * PRICE + STANDARD - 2500
    await cancel(database, order, {1: 1})
    ledger = await settle(shop, owner, order)
    assert (ledger.captured - ledger.refunded, await balance(owner, card)) == (3 * PRICE + STANDARD - 2500, 0)
    await cancel(database, order, {1: 2})
    ledger = await settle(shop, owner, order)
    assert (ledger.captured - ledger.refunded, await balance(owner, card)) == (0, 2500 - PRICE - STANDARD)
    assert await cancel(database, order) == "cancelled"
    ledger = await settle(shop, owner, order)
    assert (ledger.captured - ledger.refunded, await balance(owner, card)) == (0, 2500)


async def test_a_parcel_that_the_gift_card_covers_takes_nothing_else(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    card, code = await make_gift_card(owner, 2000)
    order = await place(client, owner, replace(shop, captures_at_order=False), 3, code=code)
    await send(database, order, {1: 1})
    assert (await settle(shop, owner, order)).captured == 0
    await send(database, order, {1: 1})
    assert (await settle(shop, owner, order)).captured == 2 * PRICE + STANDARD - 2000
    await cancel(database, order)
    ledger = await settle(shop, owner, order)
    assert (ledger.captured, ledger.voided) == (2 * PRICE + STANDARD - 2000, PRICE)
    assert await balance(owner, card) == 0


async def test_what_was_sent_stays_authorized_while_the_gateway_is_away(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop, gateway: Process
) -> None:
    order = await place(client, owner, replace(shop, captures_at_order=False), 1)
    await send(database, order)
    gateway.kill()
    try:
        await settle_money(shop, order)
    finally:
        gateway.start()
    await owner.execute("UPDATE payment_operations SET settle_at = now() WHERE order_id = $1", order)
    async with shop.database.connection() as connection:
        waiting = await read_ledger(connection, order)
    assert (waiting.captured, waiting.voided, waiting.capturing) == (0, 0, PRICE + STANDARD)
    assert (await settle(shop, owner, order)).captured + waiting.capturing >= PRICE + STANDARD
