"""Orders are sent in parts, cancelled, paid and invoiced, whoever comes at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import Problem
from app.orders import workflow
from app.orders.invoice_pdf import print_document
from app.orders.invoices import read_document
from app.orders.money import settle_money
from tests.app.factories import STANDARD, check_out, fill_cart, make_variant, stock_of

MAIN = 1


async def place(
    client: httpx.Client, owner: asyncpg.Connection, *quantities: int, **changes: Any
) -> tuple[int, dict[str, Any], list[int]]:
    """An order of new variants at 10.00 each; returns its id, the API's answer and the variants."""
    variants = [await make_variant(owner) for _ in quantities]
    cart = fill_cart(client, *zip(variants, quantities, strict=True))
    order = check_out(client, cart, **changes).json()["order"]
    order_id = await owner.fetchval("SELECT id FROM orders WHERE number = $1", order["number"])
    return order_id, order, variants


async def send(database: Database, order_id: int, units: dict[int, int] | None = None) -> int:
    async with database.transaction() as connection:
        made = await workflow.fulfil(connection, order_id, location=MAIN, units=units, actor="test")
        await workflow.ship(connection, made, tracking=workflow.Tracking("DHL", "123"), actor="test")
    return made


async def cancel(database: Database, order_id: int, units: dict[int, int] | None = None) -> str:
    async with database.transaction() as connection:
        return await workflow.cancel(connection, order_id, units=units, reason="changed mind", actor="test")


async def balance(owner: asyncpg.Connection, order_id: int) -> int:
    """What the shop keeps of the payment."""
    kept = await owner.fetchval(
        "SELECT sum(CASE kind WHEN 'captured' THEN amount WHEN 'refunded' THEN -amount ELSE 0 END)"
        " FROM payment_events WHERE order_id = $1",
        order_id,
    )
    return int(kept or 0)


async def test_an_order_is_sent_in_two_parcels_and_arrives(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    order_id, order, variants = await place(client, owner, 2, 1)
    first = await send(database, order_id, {1: 1})
    url = f"/api/v1/orders/{order['number']}?token={order['token']}"
    assert client.get(url).json()["state"] == "partially_shipped"
    second = await send(database, order_id)
    shown = client.get(url).json()
    assert shown["state"] == "shipped"
    assert [[line["quantity"] for line in part["lines"]] for part in shown["fulfilments"]] == [[1], [1, 1]]
    assert await stock_of(owner, variants[0]) == (8, 0)
    async with database.transaction() as connection:
        assert await workflow.deliver(connection, second, actor="test") == "shipped"
        assert await workflow.deliver(connection, first, actor="test") == "delivered"
    await settle_money(shop, order_id)
    assert await balance(owner, order_id) == 3000 + STANDARD
    assert await reconcile.check(owner) == 0


async def test_a_buyer_cancels_and_gets_everything_back(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    order_id, order, variants = await place(client, owner, 2)
    page = f"/orders/{order['number']}?token={order['token']}"
    assert "Cancel this order" in client.get(page).text
    answer = client.post(
        f"/orders/{order['number']}/cancellation",
        data={"token": order["token"]},
        headers={"Origin": str(client.base_url).rstrip("/")},
    )
    assert answer.status_code == 303, answer.text
    assert "is cancelled" in client.get(page).text
    assert await stock_of(owner, variants[0]) == (10, 0)
    await settle_money(shop, order_id)
    await settle_money(shop, order_id)
    assert await balance(owner, order_id) == 0
    again = client.post(f"/api/v1/orders/{order['number']}/cancellation?token={order['token']}")
    assert again.status_code == 409
    problem = again.json()
    assert (problem["state"], problem["verb"], problem["allowed"]) == ("cancelled", "cancel", [])
    assert await reconcile.check(owner) == 0


async def test_what_is_left_of_a_sent_order_is_cancelled_with_a_credit_note(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    order_id, order, variants = await place(client, owner, 3)
    await send(database, order_id, {1: 1})
    refused = client.post(f"/api/v1/orders/{order['number']}/cancellation?token={order['token']}")
    assert refused.json()["type"].endswith("already-sent")
    assert await cancel(database, order_id) == "shipped"
    await settle_money(shop, order_id)
    assert await balance(owner, order_id) == 1000 + STANDARD
    shown = client.get(f"/api/v1/orders/{order['number']}?token={order['token']}").json()
    assert [one["kind"] for one in shown["documents"]] == ["invoice", "credit_note"]
    invoice, note = [await read_document(database, one["number"]) for one in shown["documents"]]
    assert (invoice.total, note.total, note.refers_to) == (3000 + STANDARD, 2000, invoice.number)
    assert print_document(invoice) == print_document(invoice)
    path = f"/orders/{order['number']}/documents/{invoice.number}"
    assert client.get(f"{path}?token={order['token']}").content.startswith(b"%PDF")
    assert client.get(f"{path}?token=guessed").status_code == 404
    assert await stock_of(owner, variants[0]) == (9, 0)
    assert await reconcile.check(owner) == 0


async def test_of_a_cancellation_and_a_shipment_at_once_exactly_one_wins(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop
) -> None:
    for _ in range(8):
        order_id, order, variants = await place(client, owner, 1)
        async with database.transaction() as connection:
            made = await workflow.fulfil(connection, order_id, location=MAIN, actor="test")

        async def ship(made: int = made) -> None:
            async with database.transaction() as connection:
                await workflow.ship(connection, made, actor="test")

        tries = [
            ship(),
            ship(),
            workflow.cancel_for_shopper(database, order["number"], order["token"]),
            cancel(database, order_id),
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Problem) and one.status == 409]
        assert len(refused) == 3, outcomes
        state = await owner.fetchval("SELECT state FROM orders WHERE id = $1", order_id)
        assert await stock_of(owner, variants[0]) == ((9, 0) if state == "shipped" else (10, 0))
        await settle_money(shop, order_id)
        assert await balance(owner, order_id) == (1000 + STANDARD if state == "shipped" else 0)
    assert await reconcile.check(owner) == 0


async def test_invoice_numbers_have_no_gaps_whatever_is_rolled_back(
    client: httpx.Client, database: Database, owner: asyncpg.Connection
) -> None:
    orders = [(await place(client, owner, 1))[0] for _ in range(6)]

    async def try_to_send(order_id: int, *, fail: bool) -> None:
        async with database.transaction() as connection:
            made = await workflow.fulfil(connection, order_id, location=MAIN, actor="test")
            await workflow.ship(connection, made, actor="test")
            if fail:
                raise RuntimeError("the power is gone")

    tries = [try_to_send(order_id, fail=index % 2 == 0) for index, order_id in enumerate(orders)]
    await asyncio.gather(*tries, return_exceptions=True)
    numbers = [
        row["sequence"]
        for row in await owner.fetch("SELECT sequence FROM invoices WHERE kind = 'invoice' ORDER BY sequence")
    ]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (
        await owner.fetchval(
            "SELECT count(*) FROM mails WHERE order_id = $1 AND kind = 'shipping'", orders[0]
        )
        == 0
    )
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        await owner.execute("UPDATE invoices SET number = 'X'")


async def test_more_than_is_there_cannot_be_sent(
    client: httpx.Client, database: Database, owner: asyncpg.Connection
) -> None:
    order_id, _, _ = await place(client, owner, 1)
    with pytest.raises(Problem, match="2 units of line 1 are asked for: 1 are"):
        await send(database, order_id, {1: 2})
    await send(database, order_id)
    with pytest.raises(Problem, match="The order is shipped, so it cannot ship"):
        await send(database, order_id)
