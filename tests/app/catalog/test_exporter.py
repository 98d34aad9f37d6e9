"""What is exported loads again as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import asyncpg

from app.catalog import exporter, importer
from app.catalog.drafts import Fault
from app.core.database import Database
from tests.app.catalog.sheets import product, row, save, unique

CONTENT = """
SELECT p.title, p.body_html, p.vendor, p.category, p.kind, p.tags, p.options, p.seo_title, p.seo_description,
    p.published, p.price_min, p.price_max, p.compare_at, p.image, p.image_alt, p.facets,
    (SELECT array_agg((v.option1, v.option2, v.option3, v.position, v.title, v.sku, v.barcode, v.price,
        v.compare_at, v.weight_grams, v.requires_shipping, v.taxable, v.image, v.gift_card,
        v.length_mm, v.width_mm, v.height_mm, s.available)::text
        ORDER BY v.position)
     FROM variants v LEFT JOIN stock_available s ON s.variant_id = v.id
     WHERE v.product_id = p.id AND v.active) AS variants,
    (SELECT array_agg((m.position, m.path, m.alt)::text ORDER BY m.position) FROM media m
     WHERE m.product_id = p.id) AS pictures,
    (SELECT array_agg(c.title) FROM collection_products x JOIN collections c ON c.id = x.collection_id
     WHERE x.product_id = p.id) AS collections
FROM products p WHERE p.handle = $1
"""


async def exported(database: Database, *handles: str) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    await exporter.export(database, out)
    return [found for found in csv.DictReader(io.StringIO(out.getvalue())) if found["Handle"] in handles]


async def content(owner: asyncpg.Connection, handle: str) -> dict[str, Any]:
    found = await owner.fetchrow(CONTENT, handle)
    assert found is not None
    return dict(found)


async def test_what_is_exported_loads_again_as_it_was(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle, shelf = unique("mug"), unique("Cups & Mugs")
    rows = (
        product(handle, title='Mug "Größe, 2"', body="<p>Two\nlines, one <b>mug</b></p>", type="Mug",
                vendor="Ann & Co", tags="blue, oven safe", seo_title="A mug", option1_name="Colour",
                option1_value="Red", option2_name="Size", option2_value="L", collection=shelf,
                variant_price="9.05", variant_sku="''7", variant_compare_at_price="12", variant_grams="250",
                variant_barcode="'0012", image_src="p/red.svg", image_alt_text="Red, from above",
                variant_image="p/red.svg", **{"variant_size_(mm)": "120 x 90 x 100"}),
        row(handle, option1_value="Blue", option2_value="S", variant_price="11", variant_inventory_qty="0",
            variant_taxable="FALSE", variant_requires_shipping="FALSE"),
        row(handle, option1_value="Voucher", option2_value="25", variant_price="25", gift_card="TRUE"),
        row(handle, image_src="p/side.svg", image_position="2"),
        row(handle, image_src="p/back.svg", image_position="3"),
    )  # fmt: skip
    faults: list[Fault] = []
    await importer.import_file(database, save(tmp_path, *rows), faults.append)
    before = await content(owner, handle)

    written = await exported(database, handle)
    assert [found["Title"] for found in written] == ['Mug "Größe, 2"', "", ""]
    assert [found["Collection"] for found in written] == [shelf, "", ""]
    file, renamed = tmp_path / "again.csv", unique("mug")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, exporter.COLUMNS)
        writer.writeheader()
        writer.writerows(found | {"Handle": renamed} for found in written)
    report = await importer.import_file(database, file, faults.append)
    assert (report.created, report.variants, faults) == (1, 3, [])
    assert await content(owner, renamed) == before


async def test_a_product_on_two_shelves_stays_on_both(
    database: Database, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    handle, shelf = unique("mug"), unique("Cups")
    await importer.import_file(database, save(tmp_path, product(handle, collection=shelf)), print)
    await owner.execute(
        "WITH c AS (INSERT INTO collections (handle, title) VALUES ($1, $1) RETURNING id)"
        " INSERT INTO collection_products SELECT c.id, p.id FROM c, products p WHERE p.handle = $2",
        unique("gifts"),
        handle,
    )
    (written,) = await exported(database, handle)
    assert written["Collection"] == ""


async def test_a_catalogue_of_several_batches_is_written_once_each(
    database: Database, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(exporter, "PRODUCTS_AT_ONCE", 2)
    handles = [unique("mug") for _ in range(5)]
    await importer.import_file(database, save(tmp_path, *map(product, handles)), print)
    assert [found["Handle"] for found in await exported(database, *handles)] == handles
