"""Staff describe products, price variants and fill collections; the shop shows it, the log says who."""

from __future__ import annotations

import html
import re
import secrets

import asyncpg
import httpx
import msgspec
import pytest

from app.backoffice.roles import Role
from app.core.database import Database
from tests.app.backoffice.people import Person, find, hire
from tests.app.factories import make_variant
from tests.app.processes import Process


@pytest.fixture
async def kim(database: Database, web: Process) -> Person:
    """She keeps the catalogue."""
    return await hire(database, web.url, Role.CATALOGUE, name="Kim")


async def product_of(database: Database, variant: int) -> int:
    return int(await database.fetchval("SELECT product_id FROM variants WHERE id = $1", variant))


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's forms, checkboxes aside."""
    inputs = dict(re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]*? value="([^"]*)"', page))
    areas = dict(re.findall(r'<textarea id="[^"]+" name="([^"]+)"[^>]*>([^<]*)<', page))
    seen = find(r'name="seen" value="([^"]+)"', page)
    chosen = dict(
        re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>.*?value="([^"]*)" selected', page, re.DOTALL)
    )
    sent = {**inputs, **areas, **chosen, "seen": seen}
    return {name: html.unescape(value) for name, value in sent.items()}


async def test_a_product_is_described_anew_and_the_shop_shows_it(
    kim: Person, database: Database, owner: asyncpg.Connection, client: httpx.Client
) -> None:
    product = await product_of(database, await make_variant(owner))
    fields = fields_of(kim.page(f"/products/{product}"))
    word = secrets.token_hex(4)
    changed = {
        **fields,
        "title": f"Kettle {word}",
        "body_html": "<p>Whistles <b>well</b>.</p><script>alert(1)</script>",
        "tags": "steel, camping, steel",
        "pictures": "https://pictures.example/kettle.jpg | A kettle",
        "published": "on",
    }
    answer = kim.send(f"/products/{product}", **changed)
    assert answer.status_code == 303, answer.text
    handle = await database.fetchval("SELECT handle FROM products WHERE id = $1", product)
    shown = client.get(f"/products/{handle}").text
    assert f"Kettle {word}" in shown
    assert "Whistles <b>well</b>" in shown
    assert "alert(1)" not in shown
    assert "https://pictures.example/kettle.jpg" in shown
    row = await database.fetchrow(
        "SELECT * FROM audit_log WHERE object = $1 AND verb = 'product.change'", f"product:{product}"
    )
    assert row
    before, after = msgspec.json.decode(row["before"]), msgspec.json.decode(row["after"])
    assert after["title"] == f"Kettle {word}"
    assert before["title"] != after["title"]
    assert after["tags"] == ["steel", "camping"]
    assert "vendor" not in after, "only what changed is written down"


async def test_a_product_taken_back_is_gone_from_the_shop(
    kim: Person, database: Database, owner: asyncpg.Connection, client: httpx.Client
) -> None:
    product = await product_of(database, await make_variant(owner))
    handle = await database.fetchval("SELECT handle FROM products WHERE id = $1", product)
    assert client.get(f"/products/{handle}").status_code == 200
    fields = fields_of(kim.page(f"/products/{product}"))
    assert kim.send(f"/products/{product}", **fields).status_code == 303
    assert client.get(f"/products/{handle}").status_code == 404


async def test_of_two_who_edit_a_product_the_second_is_told(
    kim: Person, database: Database, owner: asyncpg.Connection
) -> None:
    product = await product_of(database, await make_variant(owner))
    fields = fields_of(kim.page(f"/products/{product}"))
    assert kim.send(f"/products/{product}", **{**fields, "title": "First"}).status_code == 303
    second = kim.send(f"/products/{product}", **{**fields, "title": "Second"})
    assert second.status_code == 422
    assert "Somebody else has changed this product" in second.text
    assert await database.fetchval("SELECT title FROM products WHERE id = $1", product) == "First"


async def test_a_tax_class_is_one_that_has_rates(
    kim: Person, database: Database, owner: asyncpg.Connection
) -> None:
    product = await product_of(database, await make_variant(owner))
    await owner.execute(
        "INSERT INTO tax_rates (country, tax_class, rate, source) VALUES ('DE', 'test', 700, 'a test')"
        " ON CONFLICT DO NOTHING"
    )
    fields = fields_of(kim.page(f"/products/{product}"))
    assert fields["tax_class"] == "standard"
    assert kim.send(f"/products/{product}", **{**fields, "tax_class": "none"}).status_code == 422
    assert kim.send(f"/products/{product}", **{**fields, "tax_class": "test"}).status_code == 303
    assert await database.fetchval("SELECT tax_class FROM products WHERE id = $1", product) == "test"


async def test_prices_of_variants_change_together_or_not_at_all(
    kim: Person, database: Database, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, price=1000)
    product = await product_of(database, variant)
    fields = fields_of(kim.page(f"/products/{product}"))
    wrong = {**fields, f"price-{variant}": "cheap", f"active-{variant}": "on"}
    answer = kim.send(f"/products/{product}/variants", **wrong)
    assert answer.status_code == 422
    assert "is no amount: write it like 12.50" in html.unescape(answer.text)
    right = {**wrong, f"price-{variant}": "12.50", f"compare_at-{variant}": "15", f"taxable-{variant}": "on"}
    assert kim.send(f"/products/{product}/variants", **right).status_code == 303
    row = await database.fetchrow("SELECT price, compare_at, active FROM variants WHERE id = $1", variant)
    assert row
    assert tuple(row) == (1250, 1500, True)
    assert await database.fetchval("SELECT price_min FROM products WHERE id = $1", product) == 1250


async def test_a_new_product_gets_variants_and_a_collection_before_anyone_sees_it(
    kim: Person, database: Database, client: httpx.Client
) -> None:
    word = secrets.token_hex(4)
    made = kim.send(
        "/products/new", title=f"Tent {word}", price="199", options="Size, Colour", values="L, Green"
    )
    assert made.status_code == 303, made.text
    where = made.headers["location"]
    assert client.get(f"/products/tent-{word}").status_code == 404
    again = kim.send("/products/new", title=f"Tent {word}", price="199")
    assert again.status_code == 422
    added = kim.send(f"{where}/variants/new", option0="XL", option1="Green", price="219", sku="TENT-XL")
    assert added.status_code == 303, added.text
    twice = kim.send(f"{where}/variants/new", option0="XL", option1="Green", price="219")
    assert twice.status_code == 422
    collection = kim.send("/collections", title=f"Trips {word}", description="Far away")
    number = collection.headers["location"].rpartition("/")[2]
    fields = {**fields_of(kim.page(where)), "collections": number, "published": "on"}
    assert kim.send(where, **fields).status_code == 303
    assert f"Tent {word}" in client.get(f"/collections/trips-{word}").text
    assert f"Tent {word}" in kim.page(f"/collections/{number}")
    assert f"Tent {word}" in kim.page("/products?q=tent-xl")
    assert "Nothing was found" in kim.page("/products?q=100%25")


async def test_who_may_only_read_products_cannot_save_one(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    sam = await hire(database, web.url, Role.SUPPORT, name="Sam")
    product = await product_of(database, await make_variant(owner))
    page = sam.page(f"/products/{product}")
    assert "Save product" not in page
    assert sam.send(f"/products/{product}", **fields_of(page)).status_code == 403


async def test_a_size_is_typed_as_one_writes_it(
    kim: Person, database: Database, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner)
    page = f"/products/{await product_of(database, variant)}"
    fields = fields_of(kim.page(page)) | {f"active-{variant}": "on", f"taxable-{variant}": "on"}
    wrong = kim.send(f"{page}/variants", **{**fields, f"size_mm-{variant}": "12 by 9"})
    assert wrong.status_code == 422
    assert "such as 120 x 90 x 100" in wrong.text
    assert (
        kim.send(f"{page}/variants", **{**fields, f"size_mm-{variant}": "120×90 × 100 mm"}).status_code == 303
    )
    assert fields_of(kim.page(page))[f"size_mm-{variant}"] == "120 x 90 x 100"
