"""Gift cards by key: issued once, corrected and blocked, their codes told once and kept nowhere."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.keys.service import Scope
from tests.app.catalog.test_management import send
from tests.app.factories import STANDARD, check_out, fill_cart, make_variant
from tests.app.keys.test_keys import bearer, make_key
from tests.app.promotions.makers import put_code

CARDS = "/api/v1/admin/gift-cards"


@pytest.fixture
async def key(database: Database) -> str:
    return await make_key(database, Scope.GIFT_CARDS_READ, Scope.GIFT_CARDS_WRITE)


def draft(amount: int = 2500, **changes: Any) -> dict[str, Any]:
    return {"amount": {"amount": amount}, "note": "for a prize", **changes}


async def test_a_card_is_issued_spent_and_read_with_its_history(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    made = send(client, key, "POST", CARDS, draft(expires_at="2099-12-31T00:00:00Z"))
    assert made.status_code == 201, made.text
    issued = made.json()
    code, path = issued.pop("code"), made.headers["location"]
    assert code.endswith(issued["last4"])
    assert issued["balance"] == {"amount": 2500, "currency": "EUR"}
    assert client.get(path, headers=bearer(key)).json() == issued
    cart = fill_cart(client, (await make_variant(owner, price=1000), 1))
    put_code(client, cart, code).raise_for_status()
    number = check_out(client, cart).json()["order"]["number"]
    spent = 1000 + STANDARD
    assert client.get(path, headers=bearer(key)).json()["balance"]["amount"] == 2500 - spent
    events = client.get(f"{path}/events", headers=bearer(key)).json()["items"]
    assert [(one["kind"], one["amount"]["amount"], one["order_number"]) for one in events] == [
        ("issued", 2500, None),
        ("redeemed", -spent, number),
    ]
    assert events[0]["by"] == "key test"
    assert await reconcile.check(owner) == 0


async def test_the_code_is_told_again_to_who_asked_and_kept_for_nobody_else(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    body, once = draft(), str(uuid.uuid4())
    first = send(client, key, "POST", CARDS, body, once=once)
    code, last4 = first.json()["code"], first.json()["last4"]
    again = send(client, key, "POST", CARDS, body, once=once)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    kept = await owner.fetchval("SELECT body FROM api_answers WHERE key = $1", once)
    for told in (code, code.replace("-", ""), last4):
        assert told.encode() not in kept
    logged = await owner.fetchval("SELECT string_agg(after::text, ' ') FROM audit_log")
    assert code not in logged
    assert code.replace("-", "") not in logged
    for path in (CARDS, first.headers["location"], f"{first.headers['location']}/events"):
        shown = client.get(path, headers=bearer(key)).text
        assert code not in shown
        assert code.replace("-", "") not in shown


async def test_the_same_request_twenty_times_at_once_makes_one_card(
    crowd: httpx.AsyncClient, key: str, owner: asyncpg.Connection
) -> None:
    body = draft(note=f"once {uuid.uuid4()}")
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}
    answers = await asyncio.gather(*[crowd.post(CARDS, json=body, headers=headers) for _ in range(20)])
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    others = {answer.json()["type"] for answer in answers if answer.status_code != 201}
    assert others <= {"/problems/request-in-progress"}
    assert await owner.fetchval("SELECT count(*) FROM gift_cards WHERE note = $1", body["note"]) == 1


async def test_corrections_at_once_never_take_more_than_is_on_the_card(
    crowd: httpx.AsyncClient, client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    path = send(client, key, "POST", CARDS, draft(1000)).headers["location"]
    body = {"amount": {"amount": -300}, "reason": "paid out"}
    answers = await asyncio.gather(
        *[
            crowd.post(
                f"{path}/adjustments",
                json=body,
                headers={**bearer(key), "Idempotency-Key": str(uuid.uuid4())},
            )
            for _ in range(8)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["type"] == "/problems/balance-too-low"
    assert "only €1.00" in refused["detail"]
    assert client.get(path, headers=bearer(key)).json()["balance"]["amount"] == 100
    assert await reconcile.check(owner) == 0


async def test_a_repeated_correction_is_booked_once(client: httpx.Client, key: str) -> None:
    path = send(client, key, "POST", CARDS, draft(1000)).headers["location"]
    body, once = {"amount": {"amount": 250}, "reason": "an apology"}, str(uuid.uuid4())
    answers = [send(client, key, "POST", f"{path}/adjustments", body, once=once) for _ in range(2)]
    assert answers[0].json()["balance"]["amount"] == 1250
    assert answers[1].content == answers[0].content
    assert client.get(path, headers=bearer(key)).json()["balance"]["amount"] == 1250


async def test_a_blocked_card_pays_nothing_until_it_is_freed(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    made = send(client, key, "POST", CARDS, draft())
    path, code = made.headers["location"], made.json()["code"]
    cart = fill_cart(client, (await make_variant(owner, price=1000), 1))
    assert send(client, key, "PATCH", path, {"active": False}).json()["active"] is False
    assert put_code(client, cart, code).status_code == 422
    assert send(client, key, "PATCH", path, {"active": True}).json()["active"] is True
    assert put_code(client, cart, code).json()["totals"]["gift_card"]["amount"] == 1000


async def test_a_card_that_was_spent_from_meanwhile_is_not_voided_unseen(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    made = send(client, key, "POST", CARDS, draft())
    path, seen = made.headers["location"], made.headers["etag"]
    assert client.get(path, headers=bearer(key)).headers["etag"] == seen
    cart = fill_cart(client, (await make_variant(owner, price=1000), 1))
    put_code(client, cart, made.json()["code"]).raise_for_status()
    check_out(client, cart)
    stale = {"If-Match": seen}
    refused = send(client, key, "PATCH", path, {"active": False}, headers=stale)
    assert (refused.status_code, refused.json()["type"]) == (412, "/problems/precondition-failed")
    body = {"amount": {"amount": -1}, "reason": "a slip"}
    assert send(client, key, "POST", f"{path}/adjustments", body, headers=stale).status_code == 412
    fresh = {"If-Match": refused.json()["etag"]}
    assert send(client, key, "PATCH", path, {"active": False}, headers=fresh).status_code == 200


async def test_the_list_finds_cards_by_their_last_characters_and_visits_each_once(
    client: httpx.Client, key: str
) -> None:
    made = [send(client, key, "POST", CARDS, draft()).json() for _ in range(5)]
    found = client.get(CARDS, params={"last4": made[0]["last4"].lower()}, headers=bearer(key)).json()
    assert made[0]["id"] in [card["id"] for card in found["items"]]
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        page = client.get(CARDS, params={"limit": 2, "cursor": cursor}, headers=bearer(key)).json()
        seen += [card["id"] for card in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert {card["id"] for card in made} <= set(seen)


async def test_the_audit_log_tells_which_key_corrected_a_card_and_why(
    client: httpx.Client, key: str, owner: asyncpg.Connection
) -> None:
    card = send(client, key, "POST", CARDS, draft(1000)).json()["id"]
    body = {"amount": {"amount": -400}, "reason": "paid out in the shop"}
    send(client, key, "POST", f"{CARDS}/{card}/adjustments", body)
    rows = await owner.fetch(
        "SELECT who, verb, after ->> 'balance' AS balance, after ->> 'reason' AS reason FROM audit_log"
        " WHERE object = $1 ORDER BY id",
        f"gift-card:{card}",
    )
    assert [tuple(row) for row in rows] == [
        ("key test", "gift-card.issue", None, None),
        ("key test", "gift-card.adjust", "600", "paid out in the shop"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"amount": {"amount": 0}}, "amount"),
        ("", {"amount": {"amount": 1_000_001}}, "amount"),
        ("", {"amount": {"amount": 1, "currency": "USD"}}, "currency"),
        ("", draft(expires_at="9999-12-31T23:59:59-10:00"), "expires_at"),
        ("", draft(note="a\x00b"), "note"),
        ("", draft(code="MINE"), "code"),
        ("/1/adjustments", {"amount": {"amount": 0}, "reason": "none"}, "amount"),
        ("/1/adjustments", {"amount": {"amount": 1}}, "reason"),
    ],
)
async def test_a_faulty_field_is_named(
    client: httpx.Client, key: str, path: str, body: dict[str, Any], field: str
) -> None:
    refused = send(client, key, "POST", f"{CARDS}{path}", body)
    assert refused.status_code == 422, refused.text
    assert field in refused.text


async def test_who_may_manage_promotions_sees_no_gift_card(client: httpx.Client, database: Database) -> None:
    other = await make_key(database, Scope.PROMOTIONS_READ, Scope.PROMOTIONS_WRITE)
    refused = client.get(CARDS, headers=bearer(other))
    assert (refused.status_code, refused.json()["scope"]) == (403, "gift-cards:read")
