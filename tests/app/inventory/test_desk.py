"""Stock in the back office: a clerk receives, corrects and moves goods, and sees what to buy."""

from __future__ import annotations

import re
import secrets

import asyncpg
import httpx
import pytest

from app.backoffice.roles import Role
from app.core.database import Database
from app.inventory import reports
from tests.app.backoffice.people import Person, hire
from tests.app.factories import check_out, fill_cart, make_variant, stock_of
from tests.app.processes import Process


@pytest.fixture
async def clerk(database: Database, web: Process) -> Person:
    return await hire(database, web.url, Role.WAREHOUSE)


async def sku_of(owner: asyncpg.Connection, variant: int) -> str:
    return str(await owner.fetchval("SELECT sku FROM variants WHERE id = $1", variant))


async def test_a_clerk_books_what_comes_and_what_breaks(clerk: Person, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=3)
    path = f"/stock/{variant}"
    assert clerk.send(f"{path}/receipt", units=5, location=1, reason="delivery 12").status_code == 303
    assert clerk.send(f"{path}/adjustment", units=-2, location=1, reason="broken glass").status_code == 303
    assert await stock_of(owner, variant) == (6, 0)
    page = clerk.page(path)
    for shown in ("delivery 12", "broken glass", "-2", "+5", clerk.email):
        assert shown in page
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE object = $1", f"variant:{variant}") == 2


async def test_what_cannot_be_booked_is_said_beside_the_form(
    clerk: Person, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=3)
    path = f"/stock/{variant}"
    refused = clerk.send(f"{path}/adjustment", units=-4, location=1, reason="lost")
    assert refused.status_code == 409
    assert "Too few units" in refused.text
    assert clerk.send(f"{path}/receipt", units=0, location=1, reason="x").status_code == 422
    assert clerk.send(f"{path}/receipt", units=1, location=1, reason="").status_code == 422
    assert clerk.send(f"{path}/receipt", units=1, location=99, reason="x").status_code == 404
    assert clerk.send(f"{path}/transfer", units=1, location=1, target=1, reason="x").status_code == 422
    assert clerk.send(f"{path}/rule", low_at="x", lead_days=0).status_code == 422
    assert await stock_of(owner, variant) == (3, 0)


async def test_goods_move_to_a_new_location(clerk: Person, owner: asyncpg.Connection) -> None:
    variant, code = await make_variant(owner, stock=3), f"shop-{secrets.token_hex(3)}"
    assert clerk.send("/locations", code=code, name="High Street", priority=900).status_code == 303
    assert clerk.send("/locations", code="High Street!", name="x", priority=1).status_code == 422
    assert "High Street" in clerk.page("/locations")
    target = await owner.fetchval("SELECT id FROM locations WHERE code = $1", code)
    moved = clerk.send(f"/stock/{variant}/transfer", units=2, location=1, target=target, reason="window")
    assert moved.status_code == 303
    assert "High Street" in clerk.page(f"/stock/{variant}")
    assert (
        await owner.fetchval(
            "SELECT available FROM stock WHERE variant_id = $1 AND location_id = $2", variant, target
        )
        == 2
    )


async def test_the_list_finds_by_sku_and_by_what_is_sold_out(
    clerk: Person, owner: asyncpg.Connection
) -> None:
    there, gone = await make_variant(owner, stock=3), await make_variant(owner, stock=0)
    page = clerk.page(f"/stock?words={await sku_of(owner, there)}")
    assert f'href="/stock/{there}"' in page
    assert f'href="/stock/{gone}"' not in page
    assert f'href="/stock/{there}"' not in clerk.page(f"/stock?words={await sku_of(owner, there)}&empty=true")
    assert f'href="/stock/{gone}"' in clerk.page(f"/stock?words={await sku_of(owner, gone)}&empty=true")


async def test_who_may_only_read_sees_no_form_and_books_nothing(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    reader = await hire(database, web.url, Role.SUPPORT)
    variant = await make_variant(owner, stock=3)
    assert "Receive goods" not in reader.page(f"/stock/{variant}")
    assert reader.send(f"/stock/{variant}/receipt", units=1, location=1, reason="x").status_code == 403


async def listed(database: Database, read: object, variant: int) -> reports.Figures | None:
    rows = await read(database, limit=10_000)  # type: ignore[operator]
    return next((row for row in rows if row.variant_id == variant), None)


async def test_the_reports_say_what_is_low_what_to_buy_and_what_lies_too_long(
    clerk: Person, client: httpx.Client, owner: asyncpg.Connection, database: Database
) -> None:
    selling, lying = await make_variant(owner, stock=20), await make_variant(owner, stock=500)
    await owner.execute(
        "UPDATE stock_movements SET created_at = now() - interval '100 days' WHERE variant_id = $1", lying
    )
    assert check_out(client, fill_cart(client, (selling, 15))).status_code == 201
    low = await listed(database, reports.list_low, selling)
    assert low is not None
    assert (low.available, low.sold, low.velocity) == (5, 15, 0.5)
    assert low.days_of_cover == pytest.approx(10)
    # One day of 30 with 15 units: s = sqrt((225 - 225/30) / 29) = 2.7386; 1.65 * s * sqrt(14) = 16.9.
    assert low.safety == 17
    assert low.reorder_at == 7 + 17
    assert low.suggested == 24 + 15 - 5
    assert await listed(database, reports.list_reorder, selling) == low
    assert await listed(database, reports.list_overstock, selling) is None
    over = await listed(database, reports.list_overstock, lying)
    assert over is not None
    assert over.days_of_cover is None
    assert await listed(database, reports.list_low, lying) is None
    assert clerk.send(f"/stock/{selling}/rule", low_at=4, lead_days=2, safety=1).status_code == 303
    assert await listed(database, reports.list_low, selling) is None
    assert await listed(database, reports.list_reorder, selling) is None
    for name in ("low", "reorder", "overstock"):
        page = clerk.page(f"/stock-reports/{name}")
        assert re.search(r"<h1>.+</h1>", page)
    clerk.page("/stock-reports/low?days=0", status=422)
    clerk.page("/stock-reports/other", status=404)


async def test_what_has_just_come_is_not_yet_too_much(database: Database, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=500)
    assert await listed(database, reports.list_overstock, variant) is None
