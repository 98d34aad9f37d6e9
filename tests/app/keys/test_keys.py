"""Keys of other systems: what they open, what they do not, and when they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import asyncpg
import httpx
import pytest

from app.core.database import Database
from app.keys import service
from app.keys.service import Scope

PRODUCTS = "/api/v1/admin/products"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def make_key(
    database: Database, *scopes: Scope, per_minute: int = 10_000, days: int | None = None
) -> str:
    return await service.create_key(
        database, name="test", scopes=scopes, created_by="test", per_minute=per_minute, days=days
    )


async def test_a_key_opens_what_its_scope_names_and_nothing_else(
    client: httpx.Client, database: Database
) -> None:
    key = await make_key(database, Scope.PRODUCTS_READ)
    assert client.get(PRODUCTS, headers=bearer(key)).status_code == 200
    refused = client.post(PRODUCTS, headers=bearer(key), json={})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/scope-missing")
    assert refused.json()["scope"] == "products:write"
    assert "products:write" in refused.json()["detail"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic abc",
        "Bearer sk_abc",
        "Bearer sk__x",
        "Bearer sk_aaaaaaaaaaaa_b",
        "ä",
    ],
)
def test_without_a_good_key_nothing_is_answered(client: httpx.Client, authorization: str) -> None:
    refused = client.get(PRODUCTS, headers=[(b"Authorization", authorization.encode("latin-1"))])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json()["type"] in ("/problems/key-missing", "/problems/key-invalid")


async def test_who_has_no_key_learns_nothing_of_the_body(client: httpx.Client) -> None:
    assert client.post(PRODUCTS, json={"nonsense": 1}).status_code == 401


async def test_a_revoked_or_expired_key_ends_with_the_next_request(
    client: httpx.Client, database: Database, owner: asyncpg.Connection
) -> None:
    revoked, expired = [await make_key(database, Scope.PRODUCTS_READ, days=1) for _ in range(2)]
    for key in (revoked, expired):
        assert client.get(PRODUCTS, headers=bearer(key)).status_code == 200
    async with database.connection() as connection:
        assert await service.revoke_key(connection, revoked.split("_")[1])
    await owner.execute(
        "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE prefix = $1",
        expired.split("_")[1],
    )
    for key in (revoked, expired):
        assert client.get(PRODUCTS, headers=bearer(key)).json()["type"] == "/problems/key-invalid"


async def test_the_database_never_holds_the_key(database: Database, owner: asyncpg.Connection) -> None:
    key = await make_key(database, Scope.PRODUCTS_READ)
    row = await owner.fetchrow("SELECT * FROM api_keys WHERE prefix = $1", key.split("_")[1])
    assert key.split("_", 2)[2] not in str(dict(row))


async def test_a_key_that_is_used_too_often_waits(client: httpx.Client, database: Database) -> None:
    key = await make_key(database, Scope.PRODUCTS_READ, per_minute=3)
    # The minute may turn once in between.
    answers = [client.get(PRODUCTS, headers=bearer(key)) for _ in range(7)]
    slowed = [answer for answer in answers if answer.status_code == 429]
    assert slowed
    assert 1 <= int(slowed[0].headers["retry-after"]) <= 60
    assert answers[0].status_code == 200


async def test_the_use_of_a_key_is_written_down(
    client: httpx.Client, database: Database, owner: asyncpg.Connection
) -> None:
    key = await make_key(database, Scope.PRODUCTS_READ)
    last_used = "SELECT last_used_at FROM api_keys WHERE prefix = $1"
    assert await owner.fetchval(last_used, key.split("_")[1]) is None
    client.get(PRODUCTS, headers=bearer(key))
    assert await owner.fetchval(last_used, key.split("_")[1]) is not None


@pytest.mark.parametrize(
    ("scopes", "days", "name", "quoted"),
    [
        (["products:burn"], None, "x", "products:burn"),
        ([], None, "x", "missing"),
        (["products:read"], 0, "x", "0 days"),
        (["products:read"], None, " ", "name"),
    ],
)
async def test_a_faulty_wish_for_a_key_is_quoted(
    database: Database, scopes: list[str], days: int | None, name: str, quoted: str
) -> None:
    with pytest.raises(ValueError, match=quoted):
        await service.create_key(database, name=name, scopes=scopes, days=days, created_by="test")


def run_command(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "key", *arguments]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_the_command_makes_lists_and_revokes_a_key(client: httpx.Client, environ: dict[str, str]) -> None:
    made = run_command(environ, "create", "--name", "warehouse", "--scope", "products:read", "--days", "30")
    key = made.stdout.strip()
    assert client.get(PRODUCTS, headers=bearer(key)).status_code == 200
    listed = run_command(environ, "list").stdout
    assert "warehouse  products:read  until" in listed
    assert key not in listed
    assert run_command(environ, "revoke", key.split("_")[1]).returncode == 0
    assert client.get(PRODUCTS, headers=bearer(key)).status_code == 401
    unknown = run_command(environ, "revoke", "nothing")
    assert (unknown.returncode, "'nothing'" in unknown.stderr) == (1, True)
