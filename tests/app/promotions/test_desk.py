"""Staff make promotions, codes, gift cards and tax rates; the shop takes them."""

from __future__ import annotations

import re
import secrets

import asyncpg
import httpx

from app.core.database import Database
from tests.app.backoffice.people import hire
from tests.app.factories import fill_cart, make_variant
from tests.app.processes import Process
from tests.app.promotions.makers import put_code


async def test_a_promotion_is_made_given_codes_and_switched_off(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    form = {"title": "Autumn", "how": "code", "kind": "percent_off", "percent": "7.5", "priority": "100"}
    wrong = ada.send("/promotions/new", **{**form, "percent": "400", "products": "no-such-product"})
    assert wrong.status_code == 422
    assert "Not known: no-such-product" in wrong.text
    page = ada.send("/promotions/new", **form).headers["location"]
    code = f"AUTUMN{secrets.token_hex(3)}"
    assert ada.send(f"{page}/codes", code=code).status_code == 303
    assert ada.send(f"{page}/codes", code=code).status_code == 422
    assert ada.send(f"{page}/batch", count="25").status_code == 303
    table = ada.page(f"{page}/codes.csv").splitlines()
    assert len(table) == 1 + 1 + 25
    assert len({line.split(",")[0] for line in table}) == 27
    assert "7.5 % off" in ada.page(page)
    cart = fill_cart(client, (await make_variant(owner, price=2000), 1))
    assert put_code(client, cart, code).json()["totals"]["discount"]["amount"] == 150
    assert ada.send(f"{page}/switch", on="no").status_code == 303
    told = client.get(f"/api/v1/carts/{cart}").json()["codes"][0]
    assert (told["applies"], told["detail"]) == (False, "is no longer valid")
    assert "Autumn" in ada.page("/promotions")


async def test_a_gift_card_shows_its_code_once_and_its_ledger_always(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    issued = ada.send("/gift-cards", amount="25.00", note="for a prize")
    found = re.search(r'id="gift-card-code">([A-Z0-9-]+)<', issued.text)
    card = re.search(r'href="(/gift-cards/\d+)"', issued.text)
    assert found
    assert card
    assert found[1] not in ada.page(card[1])
    assert "€25.00" in ada.page("/gift-cards")
    cart = fill_cart(client, (await make_variant(owner, price=1000), 1))
    assert put_code(client, cart, found[1]).json()["totals"]["gift_card"]["amount"] == 1000
    correction = {"way": "down", "amount": "5.00", "key": "k" * 20}
    for _ in range(2):
        assert ada.send(f"{card[1]}/adjust", **correction).status_code == 303
    assert "€20.00" in ada.page(card[1])
    more = ada.send(f"{card[1]}/adjust", **{**correction, "amount": "21.00", "key": "l" * 20})
    assert more.status_code == 422
    assert "only €20.00" in more.text
    ada.send(f"{card[1]}/switch", on="no")
    assert client.get(f"/api/v1/carts/{cart}").json()["codes"][0]["detail"] == "is no longer valid"


async def test_a_tax_rate_is_saved_and_taken_away(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    form = {"country": "se", "tax_class": "books", "rate": "6", "source": "a test", "postcode": "111 22"}
    assert ada.send("/taxes", **form).status_code == 303
    row = await owner.fetchrow("SELECT id, rate, postcode FROM tax_rates WHERE tax_class = 'books'")
    assert row is not None
    assert (row["rate"], row["postcode"]) == (600, "11122")
    assert "books" in ada.page("/taxes")
    assert ada.send(f"/taxes/{row['id']}/delete").status_code == 303
    assert ada.send("/taxes", **{**form, "rate": "600"}).status_code == 422
    assert ada.send("/taxes/regions", country="CA", shown="excluded").status_code == 303


async def test_a_promotion_ends_when_it_is_told_to_and_keeps_what_it_does(
    database: Database, web: Process, client: httpx.Client, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    form = {"title": "Spring", "how": "code", "kind": "percent_off", "percent": "10", "priority": "100"}
    page = ada.send("/promotions/new", **form).headers["location"]
    code = f"SPRING{secrets.token_hex(3)}"
    ada.send(f"{page}/codes", code=code)
    cart = fill_cart(client, (await make_variant(owner, price=2000), 1))
    assert put_code(client, cart, code).json()["totals"]["discount"]["amount"] == 200
    backwards = {"starts_at": "2026-03-02T00:00", "ends_at": "2026-03-01T00:00"}
    assert ada.send(page, title="Spring", priority="5", **backwards).status_code == 422
    ended = ada.send(page, title="Spring, over", priority="5", starts_at="", ends_at="2026-03-01T00:00")
    assert ended.status_code == 303
    assert client.get(f"/api/v1/carts/{cart}").json()["totals"]["discount"]["amount"] == 0
    shown = ada.page(page)
    assert "Spring, over" in shown
    assert 'value="2026-03-01T00:00"' in shown
    assert "10 % off" in shown
