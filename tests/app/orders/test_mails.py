"""Mails commit with what they tell of, reach a real mail server once, and outlive its outages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.core.database import Database
from app.core.settings import Settings
from app.orders import workflow
from app.orders.mails import Mailer, send_due_mails
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.processes import Process, free_port


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
