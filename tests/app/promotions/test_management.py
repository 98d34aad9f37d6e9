"""Promotions by key: made, given codes, changed and ended, and never over what another changed."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.keys.service import Scope
from tests.app.catalog.test_management import send
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.keys.test_keys import bearer, make_key
from tests.app.promotions.makers import put_code

PROMOTIONS = "/api/v1/admin/promotions"


@pytest.fixture
async def key(database: Database) -> str:
    return await make_key(database, Scope.PROMOTIONS_READ, Scope.PROMOTIONS_WRITE)


def draft(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Spring sale",
        "automatic": False,
        "action": {"type": "percent_off", "percent": 1000},
        **changes,
    }


def new_code() -> str:
    return f"API{secrets.token_hex(5).upper()}"


async def test_a_voucher_is_made_given_a_code_used_and_ended(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    made = send(client, key, "POST", PROMOTIONS, draft(usage_limit=1, group="spring"))
    assert made.status_code == 201, made.text
    path, promotion = made.headers["location"], made.json()
    assert (promotion["active"], promotion["spent"], promotion["group"]) == (True, False, "spring")
    assert client.get(path, headers=bearer(key)).json() == promotion
    code = new_code()
    added = send(client, key, "POST", f"{path}/codes", {"code": f"{code[:4].lower()}-{code[4:]}"})
    assert (added.status_code, added.json()) == (201, {"codes": [code]})
    again = send(client, key, "POST", f"{path}/codes", {"code": code})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/code-taken")
    variant = await make_variant(owner, price=2000)
    cart = fill_cart(client, (variant, 1))
    assert put_code(client, cart, code).json()["totals"]["discount"]["amount"] == 200
    assert check_out(client, cart).status_code == 201
    assert client.get(path, headers=bearer(key)).json()["spent"] is True
    ended = send(client, key, "PATCH", path, {"active": False, "title": "Spring, over"})
    assert (ended.json()["active"], ended.json()["title"]) == (False, "Spring, over")
    refused = put_code(client, fill_cart(client, (variant, 1)), code)
    assert refused.status_code == 422
    assert await reconcile.check(owner) == 0


async def test_an_automatic_promotion_applies_to_its_goods_without_a_code(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    variant, other = await make_variant(owner, price=2000), await make_variant(owner, price=2000)
    handle = await owner.fetchval(
        "SELECT p.handle FROM products p JOIN variants v ON v.product_id = p.id WHERE v.id = $1", variant
    )
    rule = {"type": "amount_off", "amount": {"amount": 300}}
    made = send(client, key, "POST", PROMOTIONS, draft(automatic=True, action=rule, products=[handle]))
    path, promotion = made.headers["location"], made.json()
    assert promotion["products"] == [handle]
    assert promotion["action"]["amount"] == {"amount": 300, "currency": "EUR"}
    # The web process holds what is automatic for two seconds.
    await asyncio.sleep(2.1)
    for which, discount in ((variant, 300), (other, 0)):
        cart = client.get(f"/api/v1/carts/{fill_cart(client, (which, 1))}").json()
        assert cart["totals"]["discount"]["amount"] == discount
    needless = send(client, key, "POST", f"{path}/codes", {"code": new_code()})
    assert (needless.status_code, needless.json()["type"]) == (409, "/problems/needs-no-codes")
    assert send(client, key, "PATCH", path, {"active": False}).json()["active"] is False


@pytest.mark.parametrize(
    "action",
    [
        {"type": "percent_off", "percent": 750},
        {"type": "amount_off", "amount": {"amount": 500, "currency": "EUR"}},
        {"type": "buy_get", "buy": 2, "get": 1, "percent": 5000},
        {"type": "tiers", "steps": [{"quantity": 3, "percent": 500}, {"quantity": 10, "percent": 1500}]},
        {"type": "free_shipping"},
    ],
)
async def test_every_kind_is_read_as_it_was_made(
    client: httpx.Client, key: str, action: dict[str, Any]
) -> None:
    assert send(client, key, "POST", PROMOTIONS, draft(action=action)).json()["action"] == action


async def test_codes_for_one_order_each_are_listed_with_the_order_that_used_them(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    path = send(client, key, "POST", PROMOTIONS, draft()).headers["location"]
    made = send(client, key, "POST", f"{path}/codes/batches", {"count": 5}).json()["codes"]
    assert len(set(made)) == 5
    cart = fill_cart(client, (await make_variant(owner, price=2000), 1))
    put_code(client, cart, made[0]).raise_for_status()
    number = check_out(client, cart).json()["order"]["number"]
    seen: dict[str, str | None] = {}
    cursor = ""
    while cursor is not None:
        page = client.get(f"{path}/codes", params={"limit": 2, "cursor": cursor}, headers=bearer(key)).json()
        seen |= {item["code"]: item["order_number"] for item in page["items"]}
        cursor = page["next_cursor"]
    assert seen == {code: number if code == made[0] else None for code in made}


async def test_a_change_of_what_was_changed_meanwhile_is_refused(client: httpx.Client, key: str) -> None:
    made = send(client, key, "POST", PROMOTIONS, draft())
    path, seen = made.headers["location"], made.headers["etag"]
    assert client.get(path, headers=bearer(key)).headers["etag"] == seen
    known = client.get(path, headers={**bearer(key), "If-None-Match": seen})
    assert (known.status_code, known.content) == (304, b"")
    first = send(client, key, "PATCH", path, {"priority": 5}, headers={"If-Match": seen})
    assert (first.status_code, first.json()["priority"]) == (200, 5)
    second = send(client, key, "PATCH", path, {"priority": 6}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["type"]) == (412, "/problems/precondition-failed")
    assert second.json()["etag"] == first.headers["etag"]


async def test_a_use_of_an_unlimited_promotion_does_not_stand_in_a_change_s_way(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    made = send(client, key, "POST", PROMOTIONS, draft())
    path, code = made.headers["location"], new_code()
    send(client, key, "POST", f"{path}/codes", {"code": code})
    cart = fill_cart(client, (await make_variant(owner, price=2000), 1))
    put_code(client, cart, code).raise_for_status()
    assert check_out(client, cart).status_code == 201
    tag = {"If-Match": made.headers["etag"]}
    assert send(client, key, "PATCH", path, {"active": False}, headers=tag).status_code == 200


async def test_when_it_is_valid_changes_and_never_ends_before_it_starts(
    client: httpx.Client, key: str
) -> None:
    given = draft(starts_at="2026-03-01T01:00:00+01:00", ends_at="2026-04-01T00:00:00Z")
    made = send(client, key, "POST", PROMOTIONS, given)
    path = made.headers["location"]
    assert made.json()["starts_at"] == "2026-03-01T00:00:00Z"
    refused = send(client, key, "PATCH", path, {"ends_at": "2026-02-01T00:00:00Z"})
    assert refused.status_code == 422
    assert "2026-02-01" in refused.json()["detail"]
    for good in (None, "2026-05-01T00:00:00Z"):
        assert send(client, key, "PATCH", path, {"ends_at": good}).json()["ends_at"] == good


async def test_the_same_request_twenty_times_at_once_makes_one_promotion(
    crowd: httpx.AsyncClient, key: str, owner: asyncpg.Connection
) -> None:
    body = draft(title=f"Once {secrets.token_hex(6)}")
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}
    answers = await asyncio.gather(*[crowd.post(PROMOTIONS, json=body, headers=headers) for _ in range(20)])
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    others = {answer.json()["type"] for answer in answers if answer.status_code != 201}
    assert others <= {"/problems/request-in-progress"}
    assert await owner.fetchval("SELECT count(*) FROM promotions WHERE title = $1", body["title"]) == 1


async def test_the_audit_log_tells_which_key_changed_what(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    promotion = send(client, key, "POST", PROMOTIONS, draft()).json()["id"]
    path = f"{PROMOTIONS}/{promotion}"
    send(client, key, "PATCH", path, {"priority": 7})
    send(client, key, "PATCH", path, {"title": ""})
    rows = await owner.fetch(
        "SELECT who, verb, before ->> 'priority' AS was, after ->> 'priority' AS now FROM audit_log"
        " WHERE object = $1 ORDER BY id",
        f"promotion:{promotion}",
    )
    assert [tuple(row) for row in rows] == [
        ("key test", "promotion.create", None, "100"),
        ("key test", "promotion.change", "100", "7"),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"action": {"type": "percent_off", "percent": 10_001}}, "percent"),
        ({"action": {"type": "amount_off", "amount": {"amount": 0}}}, "amount"),
        ({"action": {"type": "tiers", "steps": []}}, "steps"),
        ({"action": {"type": "half_price"}}, "type"),
        ({"products": ["no-such-product"]}, "no-such-product"),
        ({"collections": ["no-such-collection"]}, "no-such-collection"),
        ({"starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "0001-01-01T00:00:00+10:00"}, "starts_at"),
        ({"starts_at": "2026-03-02T00:00:00"}, "starts_at"),
        ({"usage_limit": 0}, "usage_limit"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_faulty_field_is_named(
    client: httpx.Client, key: str, changes: dict[str, Any], field: str
) -> None:
    refused = send(client, key, "POST", PROMOTIONS, draft(**changes))
    assert refused.status_code == 422, refused.text
    assert field in refused.text


@pytest.mark.parametrize("path", [PROMOTIONS, f"{PROMOTIONS}/1/codes"])
@pytest.mark.parametrize("cursor", ["x", "!!", "LTU", "W10", "ImEgYiI"])
async def test_a_made_up_cursor_is_quoted(client: httpx.Client, key: str, path: str, cursor: str) -> None:
    refused = client.get(path, params={"cursor": cursor}, headers=bearer(key))
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/cursor-invalid")
    assert repr(cursor) in refused.json()["detail"]


async def test_who_may_read_may_not_change(client: httpx.Client, database: Database) -> None:
    reader = await make_key(database, Scope.PROMOTIONS_READ)
    refused = send(client, reader, "POST", PROMOTIONS, draft())
    assert (refused.status_code, refused.json()["scope"]) == (403, "promotions:write")
    assert client.get(PROMOTIONS, headers=bearer(reader)).status_code == 200
    assert client.get(f"{PROMOTIONS}/999999999", headers=bearer(reader)).status_code == 404
