"""Reads the catalogue: pages of products, one product, the collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.catalog import desk_queries, queries, search_queries
from app.catalog.queries import Sort
from app.catalog.search_queries import Filters
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Connection, Database
from app.core.problems import NotFound

PAGE_SIZE = 24
# Deeper pages would read and throw away ever more rows; nobody but a robot asks for them.
MOST_PAGES = 400
# More values of a group than this are not offered; a search narrows them down.
MOST_VALUES = 20
# A sitemap may hold 50,000 addresses and 50 MB.
SITEMAP_PRODUCTS = 20_000


class CollectionLink(msgspec.Struct, frozen=True):
    """A collection's name and address."""

    handle: str
    title: str


class CollectionTile(msgspec.Struct, frozen=True):
    """A collection as the overview shows it."""

    handle: str
    title: str
    image: str | None
    products: int


class Card(msgspec.Struct, frozen=True):
    """A product as lists show it. Prices are of its cheapest and dearest variant, in minor units."""

    id: int
    handle: str
    title: str
    vendor: str
    kind: str
    price_min: int
    price_max: int
    compare_at: int | None
    image: str | None
    image_alt: str
    in_stock: bool


class Variant(msgspec.Struct, frozen=True):
    """One thing that can be bought. `options` always has three entries, '' where the product has fewer."""

    id: int
    sku: str
    title: str
    options: tuple[str, str, str]
    barcode: str
    price: int
    compare_at: int | None
    weight_grams: int
    image: str | None
    available: int


class Picture(msgspec.Struct, frozen=True):
    """A picture: a path under MEDIA_URL or a whole address, and what it shows."""

    path: str
    alt: str


@dataclass(frozen=True)
class Product:
    """A published product with all that its page and its API answer show."""

    id: int
    handle: str
    title: str
    body_html: str
    vendor: str
    kind: str
    tags: list[str]
    options: list[str]
    seo_title: str
    seo_description: str
    image: str | None
    image_alt: str
    variants: list[Variant]
    pictures: list[Picture]
    collections: list[CollectionLink]


@dataclass(frozen=True)
class Selection:
    """Which products to list: of a collection, of a search, or (both None) of all. Prices in minor units."""

    collection: str | None = None
    terms: str | None = None
    sort: Sort | None = None
    price_from: int | None = None
    price_to: int | None = None
    in_stock: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    page: int = 1

    @property
    def filters(self) -> Filters:
        """What the statements take of it."""
        collection = _text(self.collection) if self.collection else None
        prices = self.price_from, self.price_to
        return Filters(collection, self.terms, *prices, self.in_stock, self.choices)


class FacetValue(msgspec.Struct, frozen=True):
    """A value to narrow a list by; `products` is None when there are too many to count."""

    value: str
    products: int | None
    chosen: bool


class FacetGroup(msgspec.Struct, frozen=True):
    """Values of one kind: `vendor`, `type`, `option.<name>`, `price` (number of the range) or `stock`."""

    name: str
    values: list[FacetValue]


@dataclass(frozen=True)
class Listing:
    """One page of products. `title` is the collection's, or the words that were searched for in the end."""

    title: str
    text: str
    mended: bool
    total: int
    page: int
    cards: list[Card]
    facets: list[FacetGroup] = field(default_factory=list)

    @property
    def is_counted(self) -> bool:
        """Whether `total` is exact; else there are more."""
        return self.total <= search_queries.COUNTED

    @property
    def pages(self) -> int:
        return min(-(-self.total // PAGE_SIZE), MOST_PAGES)


# The answer to a search for nothing.
NOTHING = Listing(title="", text="", mended=False, total=0, page=1, cards=[])


@dataclass(frozen=True)
class Slice:
    """Some products and the cursor after them, None at the end."""

    cards: list[Card]
    next_cursor: str | None


async def list_page(database: Database, selection: Selection) -> Listing:
    """Read one page with its facets; raises NotFound when there is no such collection or page."""
    if not 1 <= selection.page <= MOST_PAGES:
        raise NotFound(f"There is no page {selection.page}.")
    filters = selection.filters
    sql, args = search_queries.page(filters, selection.sort, PAGE_SIZE, (selection.page - 1) * PAGE_SIZE)
    rows = await database.fetch(sql, *args)
    if not rows:
        raise NotFound("There is no such collection.")
    first = rows[0]
    cards = [_card(row) for row in rows if row["id"] is not None]
    if not cards and selection.page > 1:
        raise NotFound(f"There is no page {selection.page}.")
    return Listing(
        first["head_title"] or "",
        first["head_text"],
        bool(first["mended"]),
        first["total"] or 0,
        selection.page,
        cards,
        await list_facets(database, filters),
    )


async def list_facets(database: Database, filters: Filters) -> list[FacetGroup]:
    """What the products can be narrowed down by: per group the most frequent values, and those chosen."""
    sql, args = search_queries.facets(filters)
    groups: dict[str, dict[str, int | None]] = {}
    for row in await database.fetch(sql, *args):
        group, _, value = row["facet"].partition("=")
        counted = row["products"] if row["matched"] <= search_queries.COUNTED else None
        groups.setdefault(group, {})[value] = counted
    for group, values in filters.choices.items():
        for value in values:
            groups.setdefault(group, {}).setdefault(value, 0)
    return [
        FacetGroup(group, _cut(values, filters.choices.get(group, ())))
        for group, values in sorted(groups.items(), key=_in_order)
    ]


def _in_order(entry: tuple[str, dict[str, int | None]]) -> tuple[bool, bool, str]:
    return entry[0] in ("price", "stock"), not entry[0].startswith("option."), entry[0]


def _cut(values: dict[str, int | None], chosen: Sequence[str]) -> list[FacetValue]:
    shown = [*list(values)[:MOST_VALUES], *(one for one in chosen if one not in list(values)[:MOST_VALUES])]
    return [FacetValue(value, values[value], value in chosen) for value in shown]


async def list_slice(
    database: Database, filters: Filters, *, sort: Sort | None = None, limit: int, cursor: str | None = None
) -> Slice:
    """Read some products from after the cursor. Raises Problem on a cursor that was not given out here."""
    after = _read_cursor(cursor, sort, filters) if cursor else None
    sql, args = search_queries.slice_from(filters, sort, limit + 1, after)
    rows = await database.fetch(sql, *args)
    wanted = filters.collection
    if not rows and wanted and not await database.fetchval(queries.COLLECTION_EXISTS, wanted):
        raise NotFound(f"There is no collection {wanted!r}.")
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = write_cursor((rows[-1]["key"], rows[-1]["id"])) if more else None
    return Slice([_card(row) for row in rows], next_cursor)


async def list_handles(database: Database) -> set[str]:
    """The handles of all products, published or not."""
    return {row["handle"] for row in await database.fetch(queries.HANDLES)}


async def look_at_stock(database: Database) -> None:
    """Bring up to date by which lists sort and filter."""
    async with database.connection() as connection:
        await connection.execute(queries.LOOK_AT_STOCK, timeout=120)


async def read_product(database: Database, handle: str) -> Product:
    """Read a published product; raises NotFound."""
    return _product(await database.fetchrow(queries.PRODUCT, _text(handle)))


async def read_product_page(database: Database, handle: str, related: int) -> tuple[Product, list[Card]]:
    """Read a published product, and so many others of its first collection; raises NotFound."""
    row = await database.fetchrow(queries.PRODUCT_PAGE, _text(handle), related)
    product = _product(row)
    return product, _CARDS.decode(row["related"] or "[]") if row else []


async def list_collections(database: Database) -> list[CollectionTile]:
    """Read every collection that has something to show."""
    return [CollectionTile(**row) for row in await database.fetch(queries.COLLECTIONS)]


async def list_collection_links(database: Database, limit: int) -> list[CollectionLink]:
    """Read the names of the first collections."""
    return [CollectionLink(**row) for row in await database.fetch(queries.COLLECTION_LINKS, limit)]


async def read_home(database: Database, newest: int) -> tuple[list[CollectionTile], list[Card]]:
    """Read all collections, and so many new products."""
    row = await database.fetchrow(queries.HOME, newest)
    if row is None:
        return [], []
    return _TILES.decode(row["collections"] or "[]"), _CARDS.decode(row["newest"] or "[]")


async def count_sitemap_parts(database: Database) -> int:
    """How many sitemaps the products fill; at least one."""
    return max(1, -(-int(await database.fetchval(queries.SITEMAP_SIZE)) // SITEMAP_PRODUCTS))


async def read_sitemap(database: Database, part: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Handle and day of change of a part's products; with part 1 the collections' handles."""
    if not 1 <= part <= 1000:
        return [], []
    rows = await database.fetch(queries.SITEMAP_PRODUCTS, SITEMAP_PRODUCTS, (part - 1) * SITEMAP_PRODUCTS)
    products = [(row["handle"], f"{row['updated_at']:%Y-%m-%d}") for row in rows]
    collections = await database.fetch(queries.SITEMAP_COLLECTIONS) if part == 1 else []
    return products, [row["handle"] for row in collections]


async def list_for_desk(
    database: Database, terms: str, shown: str, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Products for staff, published or not, by title, handle or SKU; last changed first."""
    pattern = terms.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await database.fetch(desk_queries.PRODUCTS, terms, shown, pattern, limit, offset)
    return [dict(row) for row in rows]


async def list_of_collection(
    database: Database, collection_id: int, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Products of a collection for staff, published or not."""
    rows = await database.fetch(desk_queries.COLLECTION_PRODUCTS, collection_id, limit, offset)
    return [dict(row) for row in rows]


async def list_units(database: Database, product_id: int) -> dict[int, int]:
    """What is available of each variant of a product."""
    return {row["id"]: row["available"] for row in await database.fetch(desk_queries.UNITS, product_id)}


async def read_tax_class(connection: Connection | Database, product_id: int) -> str:
    """By which rates a product is taxed."""
    return str(await connection.fetchval(desk_queries.TAX_CLASS, product_id))


async def set_tax_class(connection: Connection, product_id: int, tax_class: str) -> None:
    """Tax a product by these rates from now on."""
    await connection.execute(desk_queries.SET_TAX_CLASS, product_id, tax_class)


_VARIANTS = msgspec.json.Decoder(list[Variant])
_PICTURES = msgspec.json.Decoder(list[Picture])
_LINKS = msgspec.json.Decoder(list[CollectionLink])
_TILES = msgspec.json.Decoder(list[CollectionTile])
_CARDS = msgspec.json.Decoder(list[Card])


def _card(row: Mapping[str, Any]) -> Card:
    return Card(*(row[name] for name in Card.__struct_fields__))


def _text(handle: str) -> str:
    """PostgreSQL has no zero byte in a text, so nothing can be called so."""
    if "\0" in handle:
        raise NotFound("There is nothing at this address.")
    return handle


def _product(row: Mapping[str, Any] | None) -> Product:
    if row is None or row["variants"] is None:
        raise NotFound("There is no such product.")
    return Product(
        id=row["id"],
        handle=row["handle"],
        title=row["title"],
        body_html=row["body_html"],
        vendor=row["vendor"],
        kind=row["kind"],
        tags=row["tags"],
        options=row["options"],
        seo_title=row["seo_title"],
        seo_description=row["seo_description"],
        image=row["image"],
        image_alt=row["image_alt"],
        variants=_VARIANTS.decode(row["variants"]),
        pictures=_PICTURES.decode(row["media"] or "[]"),
        collections=_LINKS.decode(row["collections"] or "[]"),
    )


def _read_cursor(cursor: str, sort: Sort | None, filters: Filters) -> tuple[Any, int]:
    """The key and id of the last product seen; the key is of the type that the order sorts by."""
    if sort is Sort.TITLE:
        kind: Any = str
    else:
        kind = float if sort is None and filters.terms is not None else int
    key, after = read_cursor(cursor, tuple[kind, int])
    if (
        not 0 <= after < 2**63
        or (kind is int and not -(2**63) <= key < 2**63)
        or (kind is str and "\0" in key)
    ):
        raise bad_cursor(cursor)
    return key, after
