"""Imports into a real database: repeatable, ids kept, stock booked, a part loaded when a part is bad."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.catalog import importer
from app.catalog.drafts import Fault
from app.core.database import Database
from app.core.settings import Settings
from tests.app.catalog.sheets import product, row, save, sheet, unique


async def load(database: Database, file: Path) -> tuple[importer.Report, list[Fault]]:
    faults: list[Fault] = []
    report = await importer.import_file(database, file, faults.append)
    return report, faults


async def variants_of(owner: asyncpg.Connection, handle: str) -> list[dict[str, Any]]:
    rows = await owner.fetch(
        "SELECT v.id, v.title, v.price, v.active, v.gift_card, s.available"
        " FROM variants v JOIN products p ON p.id = v.product_id"
        " LEFT JOIN stock_available s ON s.variant_id = v.id WHERE p.handle = $1 ORDER BY v.position, v.id",
        handle,
    )
    return [dict(found) for found in rows]


async def booked(owner: asyncpg.Connection, variant: int) -> list[tuple[str, int]]:
    rows = await owner.fetch(
        "SELECT kind, quantity FROM stock_movements WHERE variant_id = $1 ORDER BY id", variant
    )
    return [(entry["kind"], entry["quantity"]) for entry in rows]


async def test_an_import_makes_products_with_prices_pictures_collection_and_stock(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle, shelf = unique("mug"), unique("Cups & Mugs")
    report, faults = await load(
        database,
        save(
            tmp_path,
            product(handle, option1_name="Colour", option1_value="Red", collection=shelf, variant_price="9.5",
                    variant_compare_at_price="12", image_src="p/red.svg", variant_image="p/red.svg"),
            row(handle, option1_value="Blue", variant_price="11", variant_inventory_qty="0"),
        ),
    )  # fmt: skip
    assert (report.created, report.updated, report.variants, faults) == (1, 0, 2, [])
    found = await owner.fetchrow("SELECT * FROM products WHERE handle = $1", handle)
    assert (found["price_min"], found["price_max"], found["compare_at"]) == (950, 1100, 1200)
    assert found["image"] == "p/red.svg"
    red, blue = await variants_of(owner, handle)
    assert (red["available"], blue["available"]) == (5, 0)
    assert await booked(owner, red["id"]) == [("received", 5)]
    collection = await owner.fetchrow("SELECT * FROM collections WHERE title = $1", shelf)
    assert collection["handle"] == shelf.lower().replace(" & ", "-")
    sold = await owner.fetchrow("SELECT * FROM sale_variants WHERE variant_id = $1", red["id"])
    assert (sold["variant_title"], sold["price"], sold["image"], sold["sellable"]) == (
        "Red", 950, "p/red.svg", True,
    )  # fmt: skip


async def test_an_import_leaves_what_a_gift_card_is_worth(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("gift")
    await load(database, save(tmp_path, product(handle, variant_price="50")))
    ((variant, *_),) = [tuple(one.values()) for one in await variants_of(owner, handle)]
    await owner.execute("UPDATE variants SET gift_card = true WHERE id = $1", variant)
    await load(database, save(tmp_path, product(handle, variant_price="0", variant_taxable="true")))
    (after,) = await variants_of(owner, handle)
    assert (after["id"], after["price"]) == (variant, 5000)
    sold = await owner.fetchrow("SELECT * FROM sale_variants WHERE variant_id = $1", variant)
    assert (sold["tax_class"], sold["requires_shipping"]) == ("gift card", False)


async def test_gift_cards_come_from_a_file_and_stay_what_they_are(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("card")
    card = product(handle, gift_card="TRUE", variant_price="25")
    for price in ("25", "30"):
        report, faults = await load(database, save(tmp_path, {**card, "Variant Price": price}))
        assert (report.variants, faults) == (1, [])
    (made,) = await variants_of(owner, handle)
    assert (made["gift_card"], made["price"]) == (True, 3000)
    await load(database, save(tmp_path, {**card, "Gift Card": "FALSE", "Variant Price": "1"}))
    (after,) = await variants_of(owner, handle)
    assert (after["id"], after["gift_card"], after["price"]) == (made["id"], True, 3000)


async def test_goods_do_not_become_gift_cards(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle, other = unique("mug"), unique("bowl")
    await load(database, save(tmp_path, product(handle)))
    report, (fault,) = await load(database, save(tmp_path, product(handle, gift_card="TRUE"), product(other)))
    assert report.created == 1
    assert fault.line == 2
    assert f"the shop has '{handle}' as goods; use another Handle" in fault.reason
    (kept,) = await variants_of(owner, handle)
    assert not kept["gift_card"]


async def test_repeating_an_import_keeps_every_id_and_books_nothing(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    file = save(tmp_path, product(handle), product(unique("bowl")))
    await load(database, file)
    before = await variants_of(owner, handle)
    report, _ = await load(database, file)
    assert (report.created, report.updated) == (0, 2)
    assert await variants_of(owner, handle) == before
    assert len(await booked(owner, before[0]["id"])) == 1


async def test_a_changed_file_changes_price_and_stock_and_books_the_difference(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    await load(database, save(tmp_path, product(handle)))
    await load(database, save(tmp_path, product(handle, variant_price="8", variant_inventory_qty="3")))
    [variant] = await variants_of(owner, handle)
    assert (variant["price"], variant["available"]) == (800, 3)
    assert await booked(owner, variant["id"]) == [("received", 5), ("adjusted", -2)]


async def test_a_file_without_quantities_leaves_stock_as_it_is(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    await load(database, save(tmp_path, product(handle)))
    await load(database, save(tmp_path, product(handle, variant_inventory_qty="")))
    assert [variant["available"] for variant in await variants_of(owner, handle)] == [5]


async def test_a_variant_that_left_the_file_is_retired_and_comes_back_with_its_id(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    both = save(
        tmp_path,
        product(handle, option1_value="Red"),
        row(handle, option1_value="Blue", variant_price="9"),
    )
    await load(database, both)
    _, blue = await variants_of(owner, handle)
    await load(database, save(tmp_path, product(handle, option1_value="Red")))
    assert [variant["active"] for variant in await variants_of(owner, handle)] == [True, False]
    await load(database, both)
    assert (await variants_of(owner, handle))[1] == blue


async def test_a_refused_row_retires_nothing(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    red = product(handle, option1_value="Red")
    await load(database, save(tmp_path, red, row(handle, option1_value="Blue", variant_price="9")))
    _, faults = await load(
        database, save(tmp_path, red, row(handle, option1_value="Blue", variant_price="nine"))
    )
    assert [fault.line for fault in faults] == [3]
    assert all(variant["active"] for variant in await variants_of(owner, handle))


async def test_a_product_whose_rows_do_not_stand_together_is_refused_the_second_time(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle = unique("mug")
    _, faults = await load(
        database,
        save(tmp_path, product(handle, option1_value="Red"), product(unique("bowl")), product(handle)),
    )
    assert [fault.line for fault in faults] == [4]
    assert "must stand together" in faults[0].reason
    assert [variant["title"] for variant in await variants_of(owner, handle)] == ["Red"]


async def test_what_the_database_alone_refuses_costs_only_its_own_product(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    good = unique("mug")
    # A tsvector holds at most a megabyte of words.
    words = " ".join(f"{number:05x}{'a' * 14}" for number in range(52_000))
    report, faults = await load(database, save(tmp_path, product(unique("novel"), body=words), product(good)))
    assert report.created == 1
    assert [fault.line for fault in faults] == [2]
    assert "refused by the database" in faults[0].reason
    assert await variants_of(owner, good)


async def test_a_product_moves_to_the_collection_that_the_file_names(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle, old, new = unique("mug"), unique("old"), unique("new")
    await load(database, save(tmp_path, product(handle, collection=old)))
    await load(database, save(tmp_path, product(handle, collection=new)))
    rows = await owner.fetch(
        "SELECT c.title FROM collection_products m JOIN collections c ON c.id = m.collection_id"
        " JOIN products p ON p.id = m.product_id WHERE p.handle = $1",
        handle,
    )
    assert [found["title"] for found in rows] == [new]


async def test_an_import_of_many_batches_loads_them_all(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handles = [unique("thing") for _ in range(importer.BATCH * 2 + 1)]
    report, _ = await load(database, save(tmp_path, *(product(handle) for handle in handles)))
    assert report.created == len(handles)


def run_import(environ: dict[str, str], file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "import", str(file)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (sheet(product("imported-by-command")), 0, "1 products loaded"),
        (
            sheet(product("imported-by-command"), product("b", variant_price="x")),
            3,
            ":3: Variant Price is 'x'",
        ),
        ("what,ever\n1,2\n", 1, "the header has no column 'Handle', 'Title', 'Variant Price'"),
        (None, 1, "cannot be read: No such file or directory"),
    ],
    ids=["all loaded", "some refused", "no product CSV", "no file"],
)
def test_the_command_says_by_its_exit_code_how_it_went(  # noqa: PLR0917
    environ: dict[str, str], settings: Settings, tmp_path: Path, text: str | None, code: int, said: str
) -> None:
    file = tmp_path / "products.csv"
    if text is not None:
        file.write_text(text)
    outcome = run_import(environ, file)
    assert outcome.returncode == code
    assert said in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr
