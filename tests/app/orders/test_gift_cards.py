"""Gift cards are bought like goods: one card for each unit that is paid, whatever crashes or comes twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import reconcile
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import Problem
from app.orders import gift_cards, workflow
from app.orders.gift_cards import deliver_gift_cards, refund_gift_card, take_back
from app.orders.money import settle_money
from app.payments import service as payments
from app.pricing.basket import AmountOff
from tests.app.backoffice.people import hire
from tests.app.factories import STANDARD, check_out, fill_cart, make_variant, stock_of
from tests.app.orders.test_money import place as place_by_shop
from tests.app.orders.test_workflow import cancel, send
from tests.app.processes import Process
from tests.app.promotions.makers import make_gift_card, make_voucher, put_code

VALUE = 2500


async def make_gift_variant(owner: asyncpg.Connection, *, stock: int = 50, price: int = VALUE) -> int:
    variant = await make_variant(owner, stock=stock, price=price)
    await owner.execute("UPDATE variants SET gift_card = true WHERE id = $1", variant)
    return variant


async def buy(
    client: httpx.Client, owner: asyncpg.Connection, *lines: tuple[int, int], codes: tuple[str, ...] = ()
) -> tuple[int, dict[str, Any]]:
    cart = fill_cart(client, *lines)
    for code in codes:
        put_code(client, cart, code).raise_for_status()
    answer = check_out(client, cart)
    assert answer.status_code == 201, answer.text
    order = answer.json()["order"]
    return await owner.fetchval("SELECT id FROM orders WHERE number = $1", order["number"]), order


async def cards_of(owner: asyncpg.Connection, order_id: int) -> list[asyncpg.Record]:
    return list(
        await owner.fetch(
            "SELECT s.position, s.unit, c.id, c.balance, c.active FROM sold_gift_cards s"
            " JOIN gift_cards c ON c.id = s.gift_card_id WHERE s.order_id = $1 ORDER BY 1, 2",
            order_id,
        )
    )


async def codes_of(owner: asyncpg.Connection, order_id: int) -> list[str]:
    """What the mails in the outbox tell."""
    rows = await owner.fetch(
        "SELECT data FROM mails WHERE order_id = $1 AND kind = 'gift_card' ORDER BY id", order_id
    )
    return [card["code"] for row in rows for card in msgspec.json.decode(row["data"])["cards"]]


async def state_of(owner: asyncpg.Connection, order_id: int) -> str:
    return str(await owner.fetchval("SELECT state FROM orders WHERE id = $1", order_id))


async def finish_jobs(owner: asyncpg.Connection, shop: Shop, order_id: int) -> None:
    await settle_money(shop, order_id)
    await owner.execute("DELETE FROM procrastinate_jobs WHERE lock = $1", f"order:{order_id}")


async def test_a_gift_card_is_bought_without_delivery_tax_or_discount_and_spent(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    gift = await make_gift_variant(owner)
    voucher = await make_voucher(owner, AmountOff(500))
    order_id, order = await buy(client, owner, (gift, 2))
    shown = client.get(f"/api/v1/orders/{order['number']}", params={"token": order["token"]}).json()
    assert (shown["total"]["amount"], shown["shipping"]["amount"]) == (2 * VALUE, 0)
    assert shown["tax"]["amount"] == 0
    refused = put_code(client, fill_cart(client, (gift, 1)), voucher).json()
    assert refused["totals"]["discount"]["amount"] == 0
    for _ in range(2):
        assert await gift_cards.defer_due_gift_cards(shop.database) >= 1
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'orders:send_gift_cards' AND lock = $1"
    assert await owner.fetchval(jobs, f"order:{order_id}") == 1
    assert await deliver_gift_cards(shop, order_id)
    assert await state_of(owner, order_id) == "delivered"
    assert [row["balance"] for row in await cards_of(owner, order_id)] == [VALUE, VALUE]
    codes = await codes_of(owner, order_id)
    assert len(set(codes)) == 2
    spent, _ = await buy(client, owner, (await make_variant(owner, price=1000), 1), codes=(codes[0],))
    assert await owner.fetchval("SELECT gift_card FROM orders WHERE id = $1", spent) == 1000 + STANDARD
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0


async def test_a_voucher_takes_its_part_off_the_other_goods_alone(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    gift, mug = await make_gift_variant(owner), await make_variant(owner, price=1000)
    cart = fill_cart(client, (gift, 1), (mug, 1))
    lines = put_code(client, cart, await make_voucher(owner)).raise_for_status().json()["lines"]
    assert {line["variant_id"]: line["discount"]["amount"] for line in lines} == {gift: 0, mug: 100}


async def test_the_other_goods_of_the_order_wait_to_be_packed(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    gift, mug = await make_gift_variant(owner), await make_variant(owner, price=1000)
    order_id, _ = await buy(client, owner, (mug, 1), (gift, 1))
    assert await deliver_gift_cards(shop, order_id)
    assert await state_of(owner, order_id) == "partially_shipped"
    assert await stock_of(owner, mug) == (9, 1)
    kinds = await owner.fetch("SELECT kind FROM mails WHERE order_id = $1 ORDER BY id", order_id)
    assert [row["kind"] for row in kinds] == ["confirmation", "gift_card"]
    await send(database, order_id)
    assert len(await cards_of(owner, order_id)) == 1
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0


async def test_twenty_deliveries_at_once_and_a_parcel_by_hand_make_one_card_of_each_unit(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    gift = await make_gift_variant(owner)
    order_id, _ = await buy(client, owner, (gift, 7))
    done = await asyncio.gather(
        send(database, order_id, {1: 3}),
        *[deliver_gift_cards(shop, order_id) for _ in range(20)],
        return_exceptions=True,
    )
    # The parcel by hand may have come too late; nothing else may fail.
    assert all(isinstance(one, int | Problem) for one in done), done
    rows = await cards_of(owner, order_id)
    assert [(row["position"], row["unit"]) for row in rows] == [(1, unit) for unit in range(1, 8)]
    assert len(set(await codes_of(owner, order_id))) == 7
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0


steps = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.just(0)),
        st.tuples(st.just("deliver and crash"), st.just(0)),
        st.tuples(st.just("send"), st.integers(1, 3)),
        st.tuples(st.just("cancel"), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=6,
)


@given(units=st.integers(1, 5), done=steps)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
async def test_whatever_happens_each_unit_that_is_not_cancelled_becomes_one_card(  # noqa: PLR0917
    client: httpx.Client,
    database: Database,
    owner: asyncpg.Connection,
    shop: Shop,
    units: int,
    done: list[tuple[str, int]],
) -> None:
    order_id, _ = await buy(client, owner, (await make_gift_variant(owner), units))
    for what, count in done:
        try:
            if what == "deliver":
                await deliver_gift_cards(shop, order_id)
            elif what == "send":
                await send(database, order_id, {1: count})
            elif what == "cancel":
                await cancel(database, order_id, {1: count})
            else:
                await crash_in_delivery(shop, order_id)
        except Problem as problem:
            assert problem.status == 409  # noqa: PT017  # more units than are left
    await finish_jobs(owner, shop, order_id)
    await deliver_gift_cards(shop, order_id)
    await finish_jobs(owner, shop, order_id)
    cancelled = await owner.fetchval("SELECT cancelled FROM order_lines WHERE order_id = $1", order_id)
    rows = await cards_of(owner, order_id)
    assert [row["unit"] for row in rows] == list(range(1, units - cancelled + 1))
    assert len(set(await codes_of(owner, order_id))) == len(rows)
    assert await reconcile.check(owner) == 0


async def crash_in_delivery(shop: Shop, order_id: int) -> None:
    """As a process leaves it that dies with the transaction: the cards are made, and not committed."""
    async with shop.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await workflow.ship(
                connection,
                await workflow.fulfil(connection, order_id, location=1, actor="crash"),
                actor="crash",
            )
        finally:
            await transaction.rollback()


@pytest.mark.parametrize("crashed", [False, True], ids=["at once", "after a crash"])
async def test_where_money_is_taken_with_the_parcel_a_card_is_paid_before_it_is_sent(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, crashed: bool
) -> None:
    late = replace(shop, captures_at_order=False)
    order_id = await place_by_shop(client, owner, late, 1)
    await owner.execute(
        "UPDATE variants SET gift_card = true WHERE id IN (SELECT variant_id FROM order_lines"
        " WHERE order_id = $1)",
        order_id,
    )
    if crashed:
        # As a process leaves it that dies between the gateway's answer and the cards.
        earned = 1000 + STANDARD
        await payments.capture(late, order_id, earned, f"gift-cards:{order_id}:{earned}")
        assert await reconcile.check(owner) == 0
    assert await deliver_gift_cards(late, order_id)
    async with shop.database.connection() as connection:
        ledger = await payments.read_ledger(connection, order_id)
    assert ledger.captured == 1000 + STANDARD
    assert len(await cards_of(owner, order_id)) == 1
    await finish_jobs(owner, late, order_id)
    assert await reconcile.check(owner) == 0


async def test_nothing_is_sent_of_what_the_gateway_does_not_pay(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, gateway: Process
) -> None:
    late = replace(shop, captures_at_order=False)
    order_id = await place_by_shop(client, owner, late, 1)
    await owner.execute(
        "UPDATE variants SET gift_card = true WHERE id IN (SELECT variant_id FROM order_lines"
        " WHERE order_id = $1)",
        order_id,
    )
    # Let go of meanwhile: nothing is left to take.
    await payments.void(late, order_id)
    with pytest.raises(Problem, match="capture-too-large"):
        await deliver_gift_cards(late, order_id)
    assert await cards_of(owner, order_id) == []
    assert await state_of(owner, order_id) == "confirmed"
    await cancel(shop.database, order_id)


async def test_what_was_given_back_before_is_not_sent(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order_id, _ = await buy(client, owner, (await make_gift_variant(owner), 1))
    await payments.refund(shop, order_id, VALUE, "a fraud", f"test:{order_id}")
    assert not await deliver_gift_cards(shop, order_id)
    assert await cards_of(owner, order_id) == []
    await cancel(shop.database, order_id)
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0


async def test_an_unspent_card_is_taken_back_once_and_its_money_given_back(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    other, code = await make_gift_card(owner, 1000)
    order_id, _ = await buy(client, owner, (await make_gift_variant(owner), 1), codes=(code,))
    await deliver_gift_cards(shop, order_id)
    (card,) = await cards_of(owner, order_id)
    (sold,) = await codes_of(owner, order_id)
    async with database.transaction() as connection:
        assert await take_back(connection, order_id, card["id"], actor="a test") == VALUE
    with pytest.raises(Problem, match="gift-card-used"):
        async with database.transaction() as connection:
            await take_back(connection, order_id, card["id"], actor="a test")
    assert put_code(client, fill_cart(client, (await make_variant(owner), 1)), sold).status_code == 422
    arguments = msgspec.json.decode(
        await owner.fetchval(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'orders:refund_gift_card' AND lock = $1",
            f"order:{order_id}",
        )
    )
    for _ in range(2):
        await refund_gift_card(shop, **arguments)
    async with database.connection() as connection:
        ledger = await payments.read_ledger(connection, order_id)
    assert (ledger.captured, ledger.refunded) == (VALUE - 1000, VALUE - 1000)
    assert await owner.fetchval("SELECT balance FROM gift_cards WHERE id = $1", other) == 1000
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0


async def test_a_card_that_was_spent_in_part_is_not_taken_back(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    order_id, _ = await buy(client, owner, (await make_gift_variant(owner), 1))
    await deliver_gift_cards(shop, order_id)
    (card,) = await cards_of(owner, order_id)
    await buy(client, owner, (await make_variant(owner), 1), codes=tuple(await codes_of(owner, order_id)))
    with pytest.raises(Problem, match=r"€11\.10 of €25\.00 are left"):
        async with database.transaction() as connection:
            await take_back(connection, order_id, card["id"], actor="a test")
    await finish_jobs(owner, shop, order_id)


async def test_a_card_too_few_is_found(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    order_id, _ = await buy(client, owner, (await make_gift_variant(owner), 2))
    await deliver_gift_cards(shop, order_id)
    await finish_jobs(owner, shop, order_id)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("DELETE FROM sold_gift_cards WHERE order_id = $1 AND unit = 2", order_id)
    assert await reconcile.check(owner) == 1
    assert "exactly one card" in capsys.readouterr().out
    await transaction.rollback()
    assert await reconcile.check(owner) == 0


async def test_staff_make_a_gift_card_s_product_and_take_a_sold_card_back(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    ada = await hire(database, web.url)
    refused = ada.send("/products/new", title="Too much", price="20000", gift_card="on")
    assert refused.status_code == 422
    assert "a gift card is worth its price" in refused.text
    page = ada.send("/products/new", title="Gift card", price="25", gift_card="on").headers["location"]
    assert "gift card" in ada.page(page)
    product = int(page.rpartition("/")[2])
    variant = await owner.fetchval("SELECT id FROM variants WHERE product_id = $1", product)
    await owner.execute("UPDATE products SET published = true WHERE id = $1", product)
    await owner.execute("INSERT INTO stock VALUES ($1, 1, 5, 0)", variant)
    await owner.execute(
        "INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)"
        " VALUES ($1, 1, 'received', 5, 'made for a test')",
        variant,
    )
    order_id, order = await buy(client, owner, (variant, 1))
    await deliver_gift_cards(shop, order_id)
    (card,) = await cards_of(owner, order_id)
    shown = f"/orders/{order['number']}"
    assert "Take it back" in ada.page(shown)
    assert ada.send(f"{shown}/gift-cards/{card['id']}/take-back").status_code == 303
    assert "taken back" in ada.page(shown)
    assert ada.send(f"{shown}/gift-cards/{card['id']}/take-back").status_code == 409
    await finish_jobs(owner, shop, order_id)
    assert await reconcile.check(owner) == 0
