"""Loads a product CSV into the catalogue and its stock, in batches: any size of file in the same memory.

Repeating an import changes nothing; ids stay with the product's handle and the variant's option values, so
that carts and links survive. Each batch is one transaction: a killed import has loaded a part; repeat it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from app.catalog import import_queries as queries
from app.catalog.drafts import Fault, ProductDraft, UnreadableError, VariantDraft, read_drafts, slug
from app.core.database import Connection, Database, DatabaseAway, open_direct
from app.core.problems import Problem
from app.core.settings import Settings
from app.inventory import service as inventory

# Big enough that round trips do not count, small enough that no order waits long for a stock row.
BATCH = 200

# Reads every product: minutes in a catalogue of a million.
WORDS_SECONDS = 600

# The exit code of an import that refused rows.
PARTIAL = 3


@dataclass
class Report:
    """What an import did: counts of products, variants and refused rows."""

    created: int = 0
    updated: int = 0
    variants: int = 0
    faults: int = 0

    def __str__(self) -> str:
        products = self.created + self.updated
        return (
            f"{products} products loaded ({self.created} new, {self.updated} there before), "
            f"{self.variants} variants; {self.faults} rows refused"
        )


class StoppedError(Exception):
    """The import ended early; what was loaded stays. The message says how to go on."""


async def run(settings: Settings, file: Path) -> int:
    """The command `import`: 0 when all was loaded, 3 when rows were refused, 1 when it could not be done."""

    def tell(fault: Fault) -> None:
        print(f"{file}:{fault.line}: {fault.reason}", file=sys.stderr)

    try:
        async with open_direct(settings) as database:
            report = await import_file(database, file, tell)
    except (StoppedError, UnreadableError, OSError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        print(f"app import: {file}: {reason}", file=sys.stderr)
        return 1
    print(f"{file}: {report}")
    return PARTIAL if report.faults else 0


async def import_file(database: Database, file: Path, tell: Callable[[Fault], None]) -> Report:
    """Load the file; `tell` hears of each refused row. Raises UnreadableError, OSError, or StoppedError."""
    report = Report()

    def refuse(fault: Fault) -> None:
        report.faults += 1
        tell(fault)

    try:
        run_id = await database.fetchval(queries.START)
        # newline='': a description may hold line ends, and csv counts them.
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            batch: list[ProductDraft] = []
            for draft in read_drafts(lines):
                if isinstance(draft, Fault):
                    refuse(draft)
                elif draft.variants:
                    batch.append(draft)
                elif draft.complete:
                    refuse(Fault(draft.line, f"product {draft.handle!r} has no variant, so no price"))
                if len(batch) == BATCH:
                    await _load(database, run_id, batch, report, refuse)
                    batch = []
            await _load(database, run_id, batch, report, refuse)
        async with database.connection() as connection:
            await connection.execute(queries.WORDS, timeout=WORDS_SECONDS)
    except DatabaseAway as error:
        raise StoppedError(
            f"the database went away: {error.detail} Loaded so far: {report}. Run it again."
        ) from error
    return report


async def _load(
    database: Database,
    run_id: int,
    batch: list[ProductDraft],
    report: Report,
    refuse: Callable[[Fault], None],
) -> None:
    """Load a batch at once; should the database refuse it, each product alone, to find the one at fault."""
    fresh = await _drop_repeated(database, run_id, batch, refuse)
    fresh = await _drop_goods(database, fresh, refuse)
    try:
        await _write(database, run_id, fresh, report)
    except (Problem, asyncpg.PostgresError) as error:
        if isinstance(error, DatabaseAway):
            raise
        if len(fresh) == 1:
            refuse(Fault(fresh[0].line, f"product {fresh[0].handle!r} was refused by the database: {error}"))
            return
        for draft in fresh:
            await _load(database, run_id, [draft], report, refuse)


async def _drop_repeated(
    database: Database, run_id: int, batch: list[ProductDraft], refuse: Callable[[Fault], None]
) -> list[ProductDraft]:
    """Refuse products that came before in this file: the second part alone would retire the first one's."""
    written = {
        row["handle"] for row in await database.fetch(queries.WRITTEN, [d.handle for d in batch], run_id)
    }
    fresh = []
    for draft in batch:
        if draft.handle in written:
            reason = f"product {draft.handle!r} came before: the rows of one product must stand together"
            refuse(Fault(draft.line, reason))
        else:
            written.add(draft.handle)
            fresh.append(draft)
    return fresh


async def _drop_goods(
    database: Database, batch: list[ProductDraft], refuse: Callable[[Fault], None]
) -> list[ProductDraft]:
    """Refuse gift cards that the shop has as goods: nobody who bought one of those was to be sent a card."""
    cards = [
        {"handle": draft.handle, "options": variant.options}
        for draft in batch
        for variant in draft.variants
        if variant.gift_card
    ]
    if not cards:
        return batch
    goods = {row["handle"] for row in await database.fetch(queries.GOODS, _json(cards))}
    for draft in batch:
        if draft.handle in goods:
            reason = (
                f"Gift Card is TRUE: the shop has {draft.handle!r} as goods; use another Handle for the cards"
            )
            refuse(Fault(draft.line, reason))
    return [draft for draft in batch if draft.handle not in goods]


async def _write(database: Database, run_id: int, batch: list[ProductDraft], report: Report) -> None:
    if not batch:
        return
    async with database.transaction() as connection:
        rows = await connection.fetch(
            queries.PRODUCTS, _json(map(_product_row, range(len(batch)), batch)), run_id
        )
        ids = {row["handle"]: row["id"] for row in rows}
        await _write_variants(connection, ids, batch)
        await _write_media(connection, ids, batch)
        await _write_collections(connection, ids, batch)
    created = sum(row["new"] for row in rows)
    report.created += created
    report.updated += len(rows) - created
    report.variants += sum(len(draft.variants) for draft in batch)


async def _write_variants(connection: Connection, ids: dict[str, int], batch: list[ProductDraft]) -> None:
    wanted = [
        (ids[draft.handle], position, variant)
        for draft in batch
        for position, variant in enumerate(draft.variants, 1)
    ]
    rows = await connection.fetch(queries.VARIANTS, _json(_variant_row(*entry) for entry in wanted))
    made = {(row["product_id"], row["option1"], row["option2"], row["option3"]): row["id"] for row in rows}
    complete = [ids[draft.handle] for draft in batch if draft.complete]
    await connection.execute(queries.RETIRE_VARIANTS, complete, list(made.values()))
    units = [
        (made[product_id, *variant.options], variant.units)
        for product_id, _, variant in wanted
        if variant.units is not None
    ]
    await inventory.set_available(connection, sorted(units), reason="import")
    await connection.execute(queries.PRICES, list(ids.values()))


async def _write_media(connection: Connection, ids: dict[str, int], batch: list[ProductDraft]) -> None:
    rows = _json(
        {"product_id": ids[draft.handle], "position": position, "path": path, "alt": alt}
        for draft in batch
        for position, path, alt in draft.pictures
    )
    complete = [ids[draft.handle] for draft in batch if draft.complete]
    await connection.execute(queries.RETIRE_MEDIA, complete, rows)
    await connection.execute(queries.MEDIA, rows)


async def _write_collections(connection: Connection, ids: dict[str, int], batch: list[ProductDraft]) -> None:
    members = [(ids[draft.handle], slug(draft.collection)) for draft in batch if draft.collection]
    titles = {slug(draft.collection): draft.collection for draft in batch if draft.collection}
    products, handles = [product for product, _ in members], [handle for _, handle in members]
    await connection.execute(queries.COLLECTIONS, list(titles), list(titles.values()))
    await connection.execute(queries.LEAVE_COLLECTIONS, products, handles)
    await connection.execute(queries.JOIN_COLLECTIONS, products, handles)


def _product_row(number: int, draft: ProductDraft) -> dict[str, Any]:
    first = min(draft.pictures, default=(0, None, ""))
    return {
        "n": number,
        "handle": draft.handle,
        "title": draft.title,
        "body_html": draft.body_html,
        "vendor": draft.vendor,
        "category": draft.category,
        "kind": draft.kind,
        "tags": draft.tags,
        "options": draft.options,
        "seo_title": draft.seo_title,
        "seo_description": draft.seo_description,
        "published": draft.published,
        "image": first[1],
        "image_alt": first[2],
    }


def _variant_row(product_id: int, position: int, variant: VariantDraft) -> dict[str, Any]:
    option1, option2, option3 = variant.options
    return {
        "product_id": product_id,
        "position": position,
        "title": variant.title,
        "option1": option1,
        "option2": option2,
        "option3": option3,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "price": variant.price,
        "compare_at": variant.compare_at,
        "weight_grams": variant.weight_grams,
        "requires_shipping": variant.requires_shipping,
        "taxable": variant.taxable,
        "image": variant.image,
        "size": variant.size,
        "gift_card": variant.gift_card,
    }


def _json(rows: Any) -> str:
    return msgspec.json.encode(list(rows)).decode()
