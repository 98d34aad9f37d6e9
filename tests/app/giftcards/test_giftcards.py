"""Gift cards from issue to their last cent, and back."""

from __future__ import annotations

import asyncpg
import httpx

from app import reconcile
from app.giftcards import service
from tests.app.factories import STANDARD, check_out, checkout_body, fill_cart, make_variant
from tests.app.promotions.makers import make_gift_card, put_code


async def balance(owner: asyncpg.Connection, card: int) -> int:
    return int(await owner.fetchval("SELECT balance FROM gift_cards WHERE id = $1", card))


async def test_a_card_pays_several_orders_until_it_is_spent(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, (card, code) = await make_variant(owner, price=1000), await make_gift_card(owner, 2000)
    first = fill_cart(client, (variant, 1))
    shown = put_code(client, first, code).raise_for_status().json()
    assert code not in str(shown)
    assert shown["totals"]["gift_card"]["amount"] == 1000
    order = check_out(client, first).json()["order"]
    seen = client.get(f"/api/v1/orders/{order['number']}", params={"token": order["token"]}).json()
    assert (seen["total"]["amount"], seen["gift_card"]["amount"]) == (1000 + STANDARD, 1000 + STANDARD)
    assert await balance(owner, card) == 2000 - 1000 - STANDARD
    second = fill_cart(client, (variant, 1))
    put_code(client, second, code).raise_for_status()
    number = check_out(client, second).json()["order"]["number"]
    taken = await owner.fetchval(
        "SELECT sum(amount) FROM payment_events e JOIN orders o ON o.id = e.order_id WHERE o.number = $1",
        number,
    )
    assert taken == 2 * (1000 + STANDARD) - 2000
    refused = put_code(client, fill_cart(client, (variant, 1)), code)
    assert "has been spent" in refused.json()["detail"]
    assert await reconcile.check(owner) == 0


async def test_an_order_that_a_card_pays_whole_needs_no_payment(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, (_, code) = await make_variant(owner), await make_gift_card(owner, 5000)
    cart = fill_cart(client, (variant, 1))
    body = checkout_body(cart)
    del body["payment"]
    refused = client.post("/api/v1/checkouts", json=body, headers={"Idempotency-Key": f"none-{cart}"})
    assert refused.status_code == 422
    assert "payment is missing" in refused.text
    put_code(client, cart, code).raise_for_status()
    answer = client.post("/api/v1/checkouts", json=body, headers={"Idempotency-Key": f"none-{cart}"})
    assert (answer.status_code, answer.json()["order"]["state"]) == (201, "confirmed")
    again = client.post("/api/v1/checkouts", json=body, headers={"Idempotency-Key": f"none-{cart}"})
    assert again.content == answer.content


async def test_a_declined_payment_of_the_rest_gives_the_card_its_part_back(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, (card, code) = await make_variant(owner), await make_gift_card(owner, 500)
    cart = fill_cart(client, (variant, 1))
    put_code(client, cart, code).raise_for_status()
    assert check_out(client, cart, "tok_declined").status_code == 402
    assert await balance(owner, card) == 500
    kinds = await owner.fetch("SELECT kind FROM gift_card_events WHERE gift_card_id = $1 ORDER BY id", card)
    assert [row["kind"] for row in kinds] == ["issued", "redeemed", "given_back"]
    assert await reconcile.check(owner) == 0


async def test_a_refund_to_the_card_is_booked_once_and_never_beyond_what_was_taken(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, (card, code) = await make_variant(owner), await make_gift_card(owner, 1000)
    cart = fill_cart(client, (variant, 1))
    put_code(client, cart, code).raise_for_status()
    number = check_out(client, cart).json()["order"]["number"]
    order = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    for key, amount, expected in (("a", 300, 300), ("a", 300, 0), ("b", 9000, 700), ("c", 1, 0)):
        async with owner.transaction():
            assert await service.give_back(owner, order, amount, key=key) == expected
    assert await balance(owner, card) == 1000


async def test_whoever_cancels_an_order_gives_its_card_back(
    client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant, (card, code) = await make_variant(owner, price=1000), await make_gift_card(owner, 1000)
    cart = fill_cart(client, (variant, 1))
    put_code(client, cart, code).raise_for_status()
    number = check_out(client, cart).json()["order"]["number"]
    order = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("ALTER TABLE orders DROP CONSTRAINT IF EXISTS orders_state_check")
    assert await service.keep_only(owner, order, 400) == 600
    assert await service.keep_only(owner, order, 400) == 0
    assert await balance(owner, card) == 600
    await owner.execute("UPDATE orders SET state = 'cancelled' WHERE id = $1", order)
    assert await balance(owner, card) == 1000
    await transaction.rollback()


async def test_the_database_keeps_no_code(owner: asyncpg.Connection) -> None:
    card, code = await make_gift_card(owner, 1000)
    row = await owner.fetchrow("SELECT c::text AS all FROM gift_cards c WHERE id = $1", card)
    assert row is not None
    assert code not in row["all"]
    assert code[-4:] in row["all"]
