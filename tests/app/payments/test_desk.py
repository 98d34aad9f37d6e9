"""Staff see a payment's facts, move money with a reason, once for each form, and see what differs."""

from __future__ import annotations

import uuid
from dataclasses import replace

import asyncpg
import httpx
import pytest

from app import reconcile
from app.backoffice.roles import Role
from app.checkout.service import check_out as place
from app.checkout.shop import Shop
from app.core.database import Database
from app.payments.service import settle_due_operations
from tests.app.backoffice.people import Person, find, hire
from tests.app.checkout.test_crash_points import wish
from tests.app.factories import fill_cart, make_variant
from tests.app.processes import Process


async def order_of(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop, *, at_order: bool = True
) -> str:
    """The number of an order of more than 100 €, whose payment is captured, or else only authorized."""
    cart = fill_cart(client, (await make_variant(owner, price=10_000), 1))
    shop = replace(shop, captures_at_order=at_order)
    answer = await place(shop, uuid.uuid4().hex, wish(cart, "tok_ok"))
    assert answer.status == 201
    return str(answer.document["order"]["number"])


def form_of(person: Person, number: str, kind: str, **fields: str) -> httpx.Response:
    """Send the form that the payment's page shows."""
    page = person.page(f"/payments/{number}")
    key = find(rf'action="/payments/{number}/{kind}"[^$]*?name="key" value="([0-9a-f]+)"', page)
    return person.send(f"/payments/{number}/{kind}", **{"key": key, "reason": "a test", **fields})


async def events(owner: asyncpg.Connection, number: str, kind: str) -> int:
    return int(
        await owner.fetchval(
            "SELECT coalesce(sum(amount), 0) FROM payment_events e JOIN orders o ON o.id = e.order_id"
            " WHERE number = $1 AND kind = $2",
            number,
            kind,
        )
    )


async def test_a_payment_is_refunded_with_a_reason_once_for_each_form(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    ada, number = await hire(database, web.url), await order_of(client, owner, shop)
    assert f"Payment of order {number}" in ada.page(f"/payments/{number}")
    wrong = form_of(ada, number, "refund", amount="ten")
    assert wrong.status_code == 422
    assert "is no amount" in wrong.text
    key = uuid.uuid4().hex
    for _ in range(2):
        assert form_of(ada, number, "refund", amount="12.50", key=key, reason="broken cup").status_code == 303
    assert await events(owner, number, "refunded") == 1250
    assert "broken cup" in ada.page(f"/payments/{number}")
    more = form_of(ada, number, "refund", amount="999.00")
    assert more.status_code == 409
    assert "of what is captured" in more.text
    assert "as the store has it" in ada.page(f"/payments/{number}?ask=true")
    assert number in ada.page(f"/payments?search={number}")
    audited = await owner.fetch(
        "SELECT outcome FROM audit_log WHERE object = $1 AND verb = 'payment.refund'", f"order:{number}"
    )
    assert {row["outcome"] for row in audited} == {"begun", "done", "failed"}
    assert await reconcile.check(owner) == 0


async def test_what_is_authorized_is_captured_in_part_and_the_rest_let_go(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    ada, number = await hire(database, web.url), await order_of(client, owner, shop, at_order=False)
    assert form_of(ada, number, "capture", amount="40.00").status_code == 303
    assert form_of(ada, number, "void").status_code == 303
    assert await events(owner, number, "captured") == 4000
    assert await events(owner, number, "voided") == await events(owner, number, "authorized") - 4000
    assert form_of(ada, number, "refund", amount="40,00").status_code == 303
    assert await reconcile.check(owner) == 0


@pytest.mark.parametrize(("role", "reads"), [(Role.SUPPORT, True), (Role.WAREHOUSE, False)])
async def test_who_may_not_move_money_cannot(
    *,
    database: Database,
    web: Process,
    client: httpx.Client,
    owner: asyncpg.Connection,
    shop: Shop,
    role: Role,
    reads: bool,
) -> None:
    number, person = await order_of(client, owner, shop), await hire(database, web.url, role)
    page = person.page(f"/payments/{number}", 200 if reads else 403)
    assert f"/payments/{number}/refund" not in page
    fields = {"amount": "1.00", "reason": "for me", "key": uuid.uuid4().hex}
    assert person.send(f"/payments/{number}/refund", **fields).status_code == 403
    assert await events(owner, number, "refunded") == 0


async def test_what_differs_from_the_gateway_is_listed(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    ada = await hire(database, web.url)
    refused, foreign = await order_of(client, owner, shop), await order_of(client, owner, shop)
    for number in (refused, foreign):
        assert number not in ada.page("/payment-differences")
    await owner.execute(
        "INSERT INTO payment_operations (order_id, key, kind, amount, state, failure, done_at)"
        " SELECT id, $2, 'refund', 100, 'failed', 'the card is closed', now() FROM orders WHERE number = $1",
        refused,
        uuid.uuid4().hex,
    )
    await owner.execute(
        "INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)"
        " SELECT 'test-gateway', $2, id, 'refunded', 100, 'pay_x' FROM orders WHERE number = $1",
        foreign,
        uuid.uuid4().hex,
    )
    page = ada.page("/payment-differences")
    assert refused in page
    assert "the card is closed" in page
    assert foreign in page
    assert "not asked for by the store" in page


async def test_a_gateway_that_is_away_is_said_on_the_page(
    *,
    database: Database,
    web: Process,
    client: httpx.Client,
    owner: asyncpg.Connection,
    shop: Shop,
    gateway: Process,
) -> None:
    ada, number = await hire(database, web.url), await order_of(client, owner, shop)
    gateway.kill()
    try:
        assert "does not answer" in ada.page(f"/payments/{number}?ask=true")
        assert form_of(ada, number, "refund", amount="3.00").status_code == 303
        assert "busy" in ada.page(f"/payments/{number}")
    finally:
        gateway.start()
    await owner.execute("UPDATE payment_operations SET settle_at = now() WHERE settle_at IS NOT NULL")
    await settle_due_operations(shop)
    assert await events(owner, number, "refunded") == 300
