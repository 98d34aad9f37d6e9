"""Keys in the back office: made by who may, shown once, revoked, and all of it in the audit log."""

from __future__ import annotations

import re

import asyncpg
import httpx

from app.backoffice.roles import Role
from app.core.database import Database
from tests.app.backoffice.people import hire
from tests.app.keys.test_keys import PRODUCTS, bearer
from tests.app.processes import Process


async def test_a_key_is_made_shown_once_used_and_revoked(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    form = {"name": "Warehouse", "scopes": ["products:read"], "days": "30", "per_minute": "600"}
    made = ada.send("/keys", **form)
    key = re.findall(r">(sk_[^<]+)<", made.text)[0]
    assert client.get(PRODUCTS, headers=bearer(key)).status_code == 200
    prefix = key.split("_")[1]
    listed = ada.page("/keys")
    assert f"sk_{prefix}_…" in listed
    assert key not in listed
    assert ada.send(f"/keys/{prefix}/revoke").status_code == 303
    assert client.get(PRODUCTS, headers=bearer(key)).status_code == 401
    log = str(await owner.fetch("SELECT * FROM audit_log"))
    assert "key.create" in log
    assert "key.revoke" in log
    assert key not in log


async def test_a_faulty_form_is_shown_again_with_what_was_typed(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    answer = ada.send("/keys", name="Warehouse", days="30", per_minute="0")
    assert answer.status_code == 422
    assert "Choose at least one" in answer.text
    assert 'value="Warehouse"' in answer.text


async def test_only_administrators_see_the_keys(database: Database, web: Process) -> None:
    (await hire(database, web.url, Role.ORDERS)).page("/keys", status=403)
