"""Mails commit with what they tell of, reach a real mail server once, and outlive its outages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.backoffice.roles import Role
from app.checkout.service import settle_due_orders
from app.checkout.shop import Shop
from app.core.database import Database
from app.core.problems import NotFound
from app.core.settings import Settings
from app.orders import gift_cards, workflow
from app.orders.mails import Mailer, send_again, send_due_mails
from app.orders.money import settle_money
from tests.app.backoffice.people import hire
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.processes import Process
from tests.ports import free_port


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Process]:
    environ = {"SMTP_PORT": str(free_port()), "SMTP_HOST": "127.0.0.1", "MAIL_DATA": str(tmp_path)}
    process = Process(["app.mailsink"], environ, tmp_path / "sink.log", free_port())
    process.start(ready="/health/ready")
    yield process
    process.stop()


@pytest.fixture(autouse=True)
async def quiet(owner: asyncpg.Connection) -> None:
    """What other tests left in the outbox is not this test's."""
    await owner.execute("UPDATE mails SET due_at = NULL")


def mailer_of(settings: Settings, port: str) -> Mailer:
    return Mailer(f"smtp://127.0.0.1:{port}", "Shop <shop@shop.example>", None, settings.public_url)


async def order_id_of(owner: asyncpg.Connection, client: httpx.Client) -> int:
    cart = fill_cart(client, (await make_variant(owner), 1))
    number = check_out(client, cart).json()["order"]["number"]
    return int(await owner.fetchval("SELECT id FROM orders WHERE number = $1", number))


async def test_an_order_is_confirmed_and_its_parcel_announced_by_mail(
    client: httpx.Client,
    database: Database,
    owner: asyncpg.Connection,
    settings: Settings,
    sink: Process,
) -> None:
    order_id = await order_id_of(owner, client)
    async with database.transaction() as connection:
        made = await workflow.fulfil(connection, order_id, location=1, actor="test")
        parcel = workflow.Tracking("DHL", "4711", "https://track.example/4711")
        await workflow.ship(connection, made, tracking=parcel, actor="test")
    mailer = mailer_of(settings, sink.environ["SMTP_PORT"])
    assert await send_due_mails(database, mailer) == 2
    assert await send_due_mails(database, mailer) == 0
    heads = httpx.get(f"{sink.url}/v1/mails?recipient=ada@example.com", trust_env=False).json()
    assert len(heads) == 2
    mails = [httpx.get(f"{sink.url}/v1/mails/{head['id']}", trust_env=False).json() for head in heads]
    shipping, confirmation = sorted(mails, key=lambda mail: "parcel" not in mail["subject"].lower())
    assert "thank you for your order" in confirmation["text"]
    assert "DHL 4711 https://track.example/4711" in shipping["text"]
    assert '<a href="https://track.example/4711">' in shipping["html"]
    assert "Ada O&#39;Brien" in confirmation["html"]
    assert "Ada O'Brien" in confirmation["text"]


async def test_a_dead_mail_server_delays_and_loses_nothing(
    client: httpx.Client,
    database: Database,
    owner: asyncpg.Connection,
    settings: Settings,
    sink: Process,
) -> None:
    order_id = await order_id_of(owner, client)
    assert await send_due_mails(database, mailer_of(settings, str(free_port()))) == 0
    row = await owner.fetchrow(
        "SELECT sent_at, due_at > now() AS waits, failure FROM mails WHERE order_id = $1", order_id
    )
    assert row["sent_at"] is None
    assert row["waits"]
    assert row["failure"]
    await owner.execute("UPDATE mails SET due_at = now() WHERE order_id = $1", order_id)
    assert await send_due_mails(database, mailer_of(settings, sink.environ["SMTP_PORT"])) == 1


async def test_a_rolled_back_shipment_leaves_neither_mail_nor_job(
    client: httpx.Client, database: Database, owner: asyncpg.Connection
) -> None:
    order_id = await order_id_of(owner, client)
    count = "SELECT (SELECT count(*) FROM mails WHERE order_id = $1 AND kind = 'shipping') + (SELECT count(*)"
    count += " FROM procrastinate_jobs WHERE task_name = 'orders:settle_money' AND args = $2::text::jsonb)"

    async def try_to_send() -> None:
        async with database.transaction() as connection:
            made = await workflow.fulfil(connection, order_id, location=1, actor="test")
            await workflow.ship(connection, made, actor="test")
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        await try_to_send()
    assert await owner.fetchval(count, order_id, f'{{"order_id": {order_id}}}') == 0
    async with database.transaction() as connection:
        made = await workflow.fulfil(connection, order_id, location=1, actor="test")
        await workflow.ship(connection, made, actor="test")
    assert await owner.fetchval(count, order_id, f'{{"order_id": {order_id}}}') == 2


async def test_who_cancels_a_part_is_told_what_and_what_comes_back(  # noqa: PLR0917
    client: httpx.Client, database: Database, owner: asyncpg.Connection, shop: Shop, settings: Settings,
    sink: Process,
) -> None:  # fmt: skip
    cart = fill_cart(client, (await make_variant(owner, price=1000), 3))
    email = f"{cart}@example.com"
    number = check_out(client, cart, email=email).json()["order"]["number"]
    order_id = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    for units in ({1: 1}, None):
        async with database.transaction() as connection:
            await workflow.cancel(connection, order_id, units=units, reason="sold out", actor="test")
        for _ in range(2):
            await settle_money(shop, order_id)
    mailer = mailer_of(settings, sink.environ["SMTP_PORT"])
    while await send_due_mails(database, mailer):
        pass
    heads = httpx.get(f"{sink.url}/v1/mails", params={"recipient": email}, trust_env=False).json()
    mails = [httpx.get(f"{sink.url}/v1/mails/{head['id']}", trust_env=False).json() for head in heads]
    told = [mail["text"] for mail in mails if mail["subject"].startswith("Cancelled")]
    assert len(told) == 2
    assert sorted("1 × thing-" in text for text in told) == [False, True]
    given = [mail for mail in mails if mail["subject"].startswith("Money back")]
    assert sorted("€10.00" in mail["text"] for mail in given) == [False, True]
    assert all(number in mail["html"] for mail in mails)


async def test_a_confirmation_that_fails_halfway_leaves_no_mail_and_is_made_whole_later(
    client: httpx.Client, owner: asyncpg.Connection, shop: Shop
) -> None:
    cart = fill_cart(client, (await make_variant(owner), 1))
    await owner.execute(
        "CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the power is gone'; END $$;"
        " CREATE TRIGGER stumbling AFTER INSERT ON mails FOR EACH ROW EXECUTE FUNCTION stumble()"
    )
    try:
        failed = check_out(client, cart, email=f"{cart}@example.com")
    finally:
        await owner.execute("DROP TRIGGER stumbling ON mails; DROP FUNCTION stumble()")
    assert failed.status_code == 500
    order = await owner.fetchrow("SELECT id, state FROM orders WHERE email = $1", f"{cart}@example.com")
    mails = "SELECT count(*) FROM mails WHERE order_id = $1"
    steps = "SELECT count(*) FROM order_history WHERE order_id = $1 AND state = 'confirmed'"
    assert order["state"] == "payment_pending"
    assert [await owner.fetchval(count, order["id"]) for count in (mails, steps)] == [0, 0]
    await owner.execute("UPDATE orders SET settle_at = now() WHERE id = $1", order["id"])
    await settle_due_orders(shop)
    await settle_due_orders(shop)
    assert await owner.fetchval("SELECT state FROM orders WHERE id = $1", order["id"]) == "confirmed"
    assert [await owner.fetchval(count, order["id"]) for count in (mails, steps)] == [1, 1]


async def test_staff_read_a_mail_in_the_back_office_where_it_can_do_nothing(  # noqa: PLR0917
    client: httpx.Client, database: Database, owner: asyncpg.Connection, settings: Settings, sink: Process,
    environ: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    await order_id_of(owner, client)
    assert await send_due_mails(database, mailer_of(settings, sink.environ["SMTP_PORT"])) == 1
    web = Process(["app", "web"], {**environ, "MAIL_SINK_URL": sink.url}, tmp_path / "web.log", free_port())
    web.start(ready="/health/ready")
    try:
        kim = await hire(database, web.url, Role.ORDERS, name="Kim")
        assert "Your order S" in kim.page("/mails?recipient=ada@example.com")
        assert "None." in kim.page("/mails?recipient=nobody@example.com")
        assert "thank you for your order" in kim.page("/mails/1")
        shown = kim.browser.get("/mails/1/html")
        assert "Ada O&#39;Brien" in shown.text
        (policy,) = shown.headers.get_list("content-security-policy")
        assert policy.startswith("sandbox; default-src 'none'")
        assert kim.browser.get("/mails/999").status_code == 404
    finally:
        web.stop()


async def test_a_gift_card_s_code_is_in_its_mail_and_in_no_database_after_it(  # noqa: PLR0917
    client: httpx.Client, database: Database, owner: asyncpg.Connection, settings: Settings, sink: Process,
    shop: Shop,
) -> None:  # fmt: skip
    variant = await make_variant(owner, price=5000)
    await owner.execute("UPDATE variants SET gift_card = true WHERE id = $1", variant)
    cart = fill_cart(client, (variant, 1))
    email = f"{cart}@example.com"
    number = check_out(client, cart, email=email).json()["order"]["number"]
    order_id = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    assert await gift_cards.deliver_gift_cards(shop, order_id)
    mail_id = await owner.fetchval(
        "SELECT id FROM mails WHERE order_id = $1 AND kind = 'gift_card' AND data ? 'cards'", order_id
    )
    assert await send_due_mails(database, mailer_of(settings, sink.environ["SMTP_PORT"])) == 2
    heads = httpx.get(f"{sink.url}/v1/mails?recipient={email}", trust_env=False).json()
    mails = [httpx.get(f"{sink.url}/v1/mails/{head['id']}", trust_env=False).json() for head in heads]
    (mail,) = [one for one in mails if one["subject"] == f"Your gift card of order {number}"]
    found = re.search(r"€50\.00: ([A-Z0-9]{4}(?:-[A-Z0-9]{4}){3})", mail["text"])
    assert found
    assert f"<strong>{found[1]}</strong>" in mail["html"]
    other = fill_cart(client, (await make_variant(owner), 1))
    assert client.post(f"/api/v1/carts/{other}/codes", json={"code": found[1]}).status_code == 200
    assert found[1] not in await owner.fetchval("SELECT data::text FROM mails WHERE id = $1", mail_id)
    with pytest.raises(NotFound, match="codes are not kept"):
        async with database.transaction() as connection:
            await send_again(connection, order_id, mail_id)
