"""Writes the catalogue as Shopify's product CSV, in batches: any size of catalogue in the same memory.

What is written loads again with `import` as it was: products, options, variants, prices, pictures, sizes (in
a column of this store's own), and the units that the main location has free. The format has one collection
per product: one that stands in several is written without, so that a repeated import leaves it where it is.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

import asyncpg
import msgspec

from app.catalog.drafts import VariantDraft
from app.catalog.export_queries import BATCH
from app.core.database import Database, DatabaseAway, open_direct
from app.core.settings import Settings
from app.inventory.service import MAIN

PRODUCTS_AT_ONCE = 500

COLUMNS = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published",
    "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value",
    "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty",
    "Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price", "Variant Compare At Price",
    "Variant Requires Shipping", "Variant Taxable", "Variant Barcode", "Image Src", "Image Position",
    "Image Alt Text", "Gift Card", "SEO Title", "SEO Description", "Variant Image", "Variant Size (mm)",
    "Status", "Collection",
)  # fmt: skip


async def run(settings: Settings, file: Path) -> int:
    """The command `export`: `-` writes to standard output. 0, or 1 when it could not be done."""
    target: AbstractContextManager[TextIO]
    try:
        if file == Path("-"):
            target = nullcontext(sys.stdout)
        else:
            target = file.open("w", encoding="utf-8", newline="")
        with target as out:
            async with open_direct(settings) as database:
                products, shelved = await export(database, out)
    except (DatabaseAway, OSError) as error:
        reason = error.detail if isinstance(error, DatabaseAway) else f"cannot be written: {error.strerror}"
        print(f"app export: {file}: {reason}", file=sys.stderr)
        return 1
    told = f"; {shelved} stand in several collections and are written without" if shelved else ""
    print(f"{file}: {products} products written{told}", file=sys.stderr)
    return 0


async def export(database: Database, out: TextIO) -> tuple[int, int]:
    """Write every product; returns how many, and how many of them stand in several collections."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    last, products, shelved = 0, 0, 0
    while batch := await database.fetch(BATCH, last, PRODUCTS_AT_ONCE, MAIN):
        for product in batch:
            writer.writerows(_rows(product))
        last = batch[-1]["id"]
        products += len(batch)
        shelved += sum(len(product["collections"]) > 1 for product in batch)
    return products, shelved


def _rows(product: asyncpg.Record) -> Iterator[dict[str, object]]:
    variants = msgspec.json.decode(product["variants"], type=list[VariantDraft])
    pictures = msgspec.json.decode(product["pictures"], type=list[tuple[int, str, str]])
    described = _describe(product)
    for variant, picture in zip_longest(variants, pictures):
        row = {"Handle": product["handle"], **described}
        described = {}
        if variant:
            row |= _show_variant(variant)
        if picture:
            row |= dict(zip(("Image Position", "Image Src", "Image Alt Text"), picture, strict=True))
        yield row


def _describe(product: asyncpg.Record) -> dict[str, object]:
    """What only the first row of a product has."""
    (collection,) = product["collections"] if len(product["collections"]) == 1 else ("",)
    names = {f"Option{n} Name": name for n, name in enumerate(product["options"], 1)}
    return names | {
        "Title": product["title"],
        "Body (HTML)": product["body_html"],
        "Vendor": product["vendor"],
        "Product Category": product["category"],
        "Type": product["kind"],
        "Tags": ", ".join(product["tags"]),
        "Published": _flag(product["published"]),
        "SEO Title": product["seo_title"],
        "SEO Description": product["seo_description"],
        "Status": "active" if product["published"] else "draft",
        "Collection": collection,
    }


def _show_variant(variant: VariantDraft) -> dict[str, object]:
    # The import takes one apostrophe away, by which spreadsheets are told to keep a number's zeros.
    kept = {"Variant SKU": variant.sku, "Variant Barcode": variant.barcode}
    return {f"Option{n} Value": value for n, value in enumerate(variant.options, 1)} | {
        **{name: f"'{text}" if text.startswith("'") else text for name, text in kept.items()},
        "Variant Grams": variant.weight_grams,
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "" if variant.units is None else variant.units,
        "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Price": _money(variant.price),
        "Variant Compare At Price": "" if variant.compare_at is None else _money(variant.compare_at),
        "Variant Requires Shipping": _flag(variant.requires_shipping),
        "Variant Taxable": _flag(variant.taxable),
        # Shopify's own exports have it in a product's first row alone, where its import looks for it.
        "Gift Card": _flag(variant.gift_card),
        "Variant Image": variant.image or "",
        "Variant Size (mm)": " x ".join(map(str, variant.size or ())),
    }


def _money(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def _flag(value: bool) -> str:
    return "TRUE" if value else "FALSE"
