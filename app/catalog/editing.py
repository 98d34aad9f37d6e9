"""Verbs that change one product: made, described, published, its variants priced.

Each verb works in its caller's transaction and holds the product's row, so that two changes of one product
happen one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.catalog import editing_queries as queries
from app.catalog import import_queries
from app.catalog.drafts import check_picture, clean_html, name_variant
from app.core.database import Connection, Database
from app.core.problems import Invalid, NotFound, Problem
from app.giftcards.service import MOST


class Picture(msgspec.Struct, frozen=True):
    """A path under the media address, or a whole address, and what the picture shows."""

    path: str
    alt: str = ""


class VariantRecord(msgspec.Struct, kw_only=True):
    """A variant, sold or not."""

    id: int
    position: int
    title: str
    options: list[str]
    sku: str
    barcode: str
    price: int
    compare_at: int | None
    weight_grams: int
    requires_shipping: bool
    taxable: bool
    image: str | None
    active: bool
    # Length, width and height as it is packed; None: only its weight counts.
    size_mm: list[int] | None
    # For good: sold units became cards. It is worth its price, needs no delivery and bears no tax.
    gift_card: bool


class ProductRecord(msgspec.Struct, kw_only=True):
    """A product, published or not, with all of its variants."""

    id: int
    handle: str
    title: str
    body_html: str
    vendor: str
    category: str
    kind: str
    tags: list[str]
    options: list[str]
    seo_title: str
    seo_description: str
    published: bool
    created_at: datetime
    updated_at: datetime
    variants: list[VariantRecord]
    pictures: list[Picture]


class VariantDraft(msgspec.Struct, kw_only=True):
    """A variant to be made; `options` has a value for each of the product's options."""

    options: list[str]
    price: int
    sku: str = ""
    barcode: str = ""
    compare_at: int | None = None
    weight_grams: int = 0
    requires_shipping: bool = True
    taxable: bool = True
    image: str | None = None
    active: bool = True
    size_mm: list[int] | None = None
    gift_card: bool = False


class ProductDraft(msgspec.Struct, kw_only=True):
    """A product to be made, with at least one variant."""

    handle: str
    title: str
    variants: list[VariantDraft]
    body_html: str = ""
    vendor: str = ""
    category: str = ""
    kind: str = ""
    tags: list[str] = []
    options: list[str] = []
    seo_title: str = ""
    seo_description: str = ""
    published: bool = False
    pictures: list[Picture] = []


class ProductChange(msgspec.Struct, kw_only=True):
    """What shall be different; what is unset stays."""

    title: str | UnsetType = UNSET
    body_html: str | UnsetType = UNSET
    vendor: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    seo_title: str | UnsetType = UNSET
    seo_description: str | UnsetType = UNSET
    published: bool | UnsetType = UNSET
    pictures: list[Picture] | UnsetType = UNSET


class VariantChange(msgspec.Struct, kw_only=True):
    """What shall be different; what is unset stays. Options make the variant what it is and never change."""

    sku: str | UnsetType = UNSET
    barcode: str | UnsetType = UNSET
    price: int | UnsetType = UNSET
    compare_at: int | UnsetType | None = UNSET
    weight_grams: int | UnsetType = UNSET
    requires_shipping: bool | UnsetType = UNSET
    taxable: bool | UnsetType = UNSET
    image: str | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    size_mm: list[int] | UnsetType | None = UNSET


async def list_products(
    database: Database,
    *,
    after: int,
    limit: int,
    published: bool | None = None,
    sku: str | None = None,
    updated_from: datetime | None = None,
) -> list[ProductRecord]:
    """Products in the order of their ids, from behind `after`."""
    rows = await database.fetch(queries.LIST, after, limit, published, sku, updated_from)
    return [_record(row) for row in rows]


async def read_product(connection: Connection | Database, product_id: int) -> ProductRecord:
    """One product. Raises NotFound."""
    row = await connection.fetchrow(queries.PRODUCT, product_id)
    if row is None:
        raise NotFound(f"There is no product {product_id}.")
    return _record(row)


async def lock_product(connection: Connection, product_id: int) -> ProductRecord:
    """One product, which nobody else changes until this transaction ends. Raises NotFound."""
    await connection.fetchval(queries.LOCK, product_id)
    return await read_product(connection, product_id)


async def find_product_of(connection: Connection, variant_id: int) -> int:
    """The product of a variant. Raises NotFound."""
    product_id = await connection.fetchval(queries.PRODUCT_OF, variant_id)
    if product_id is None:
        raise NotFound(f"There is no variant {variant_id}.")
    return int(product_id)


async def create_product(connection: Connection, draft: ProductDraft) -> ProductRecord:
    """Make a product with its variants. Raises Problem."""
    _check_pictures(draft.pictures)
    for number, variant in enumerate(draft.variants):
        _check_variant(draft.options, variant, f"variants[{number}].")
    product_id = await connection.fetchval(
        queries.CREATE,
        draft.handle,
        draft.title,
        clean_html(draft.body_html),
        draft.vendor,
        draft.category,
        draft.kind,
        draft.tags,
        draft.options,
        draft.seo_title,
        draft.seo_description,
        draft.published,
    )
    if product_id is None:
        detail = f"handle is {draft.handle!r}: another product has it"
        raise Problem(409, "handle-taken", "The handle is taken", detail)
    for variant in draft.variants:
        await _insert_variant(connection, product_id, variant)
    await _set_pictures(connection, product_id, draft.pictures)
    return await _finish(connection, product_id)


async def change_product(
    connection: Connection, product: ProductRecord, change: ProductChange
) -> ProductRecord:
    """Change what is set; `product` is locked by the caller. Raises Problem."""
    given = _given(change)
    if "body_html" in given:
        given["body_html"] = clean_html(given["body_html"])
    new = msgspec.structs.replace(product, **given)
    await connection.execute(
        queries.CHANGE,
        product.id,
        new.title,
        new.body_html,
        new.vendor,
        new.category,
        new.kind,
        new.tags,
        new.seo_title,
        new.seo_description,
        new.published,
    )
    if "pictures" in given:
        _check_pictures(new.pictures)
        await _set_pictures(connection, product.id, new.pictures)
    return await _finish(connection, product.id)


async def add_variant(connection: Connection, product: ProductRecord, draft: VariantDraft) -> VariantRecord:
    """Add a variant to a product that the caller has locked. Raises Problem."""
    _check_variant(product.options, draft, "")
    variant_id = await _insert_variant(connection, product.id, draft)
    return await _finish_variant(connection, product.id, variant_id)


async def change_variant(
    connection: Connection, product: ProductRecord, variant_id: int, change: VariantChange
) -> VariantRecord:
    """Change a variant of a product that the caller has locked."""
    old = next(variant for variant in product.variants if variant.id == variant_id)
    new = msgspec.structs.replace(old, **_given(change))
    _check_picture(new.image, "image")
    _check_value(new.price, "price", gift_card=new.gift_card)
    await connection.execute(
        queries.CHANGE_VARIANT,
        variant_id,
        new.sku,
        new.barcode,
        new.price,
        new.compare_at,
        new.weight_grams,
        new.requires_shipping,
        new.taxable,
        new.image,
        new.active,
        new.size_mm,
    )
    return await _finish_variant(connection, product.id, variant_id)


async def _finish_variant(connection: Connection, product_id: int, variant_id: int) -> VariantRecord:
    await connection.execute(queries.TOUCH, product_id)
    product = await _finish(connection, product_id)
    return next(variant for variant in product.variants if variant.id == variant_id)


async def _finish(connection: Connection, product_id: int) -> ProductRecord:
    """What is derived from the variants and the words follows each change."""
    await connection.execute(import_queries.PRICES, [product_id])
    await connection.execute(queries.WORDS, product_id)
    return await read_product(connection, product_id)


async def _insert_variant(connection: Connection, product_id: int, draft: VariantDraft) -> int:
    options = (*draft.options, "", "", "")[:3]
    variant_id = await connection.fetchval(
        queries.CREATE_VARIANT,
        product_id,
        name_variant(options),
        *options,
        draft.sku,
        draft.barcode,
        draft.price,
        draft.compare_at,
        draft.weight_grams,
        draft.requires_shipping,
        draft.taxable,
        draft.image,
        draft.active,
        draft.size_mm,
        draft.gift_card,
    )
    if variant_id is None:
        detail = f"options is {draft.options}: the product has this variant already"
        raise Problem(409, "variant-taken", "The variant exists", detail)
    return int(variant_id)


async def _set_pictures(connection: Connection, product_id: int, pictures: list[Picture]) -> None:
    await connection.execute(queries.CLEAR_MEDIA, product_id)
    paths, alts = [one.path for one in pictures], [one.alt for one in pictures]
    await connection.execute(queries.MEDIA, product_id, paths, alts)
    await connection.execute(queries.FIRST_PICTURE, product_id)


def _check_variant(options: list[str], draft: VariantDraft, where: str) -> None:
    if len(draft.options) != len(options) or not all(value.strip() for value in draft.options):
        message = f"options is {draft.options}: it must have a value for each of {options}"
        raise Invalid({f"{where}options": message})
    _check_picture(draft.image, f"{where}image")
    _check_value(draft.price, f"{where}price", gift_card=draft.gift_card)


def _check_value(price: int, field: str, *, gift_card: bool) -> None:
    if gift_card and not 1 <= price <= MOST:
        message = f"price is {price}: a gift card is worth its price, from 1 to {MOST} cents"
        raise Invalid({field: message})


def _check_pictures(pictures: list[Picture]) -> None:
    for number, picture in enumerate(pictures):
        _check_picture(picture.path, f"pictures[{number}].path")
    if len({picture.path for picture in pictures}) < len(pictures):
        raise Invalid({"pictures": "a picture is there twice: each path may be there once"})


def _check_picture(path: str | None, field: str) -> None:
    if path is not None and not check_picture(path):
        message = f"{path[:80]!r} must start with https://, or be a path such as products/mug.svg"
        raise Invalid({field: message})


def _given(change: ProductChange | VariantChange) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}


def _record(row: Mapping[str, Any]) -> ProductRecord:
    plain = {
        name: row[name] for name in ProductRecord.__struct_fields__ if name not in ("variants", "pictures")
    }
    record = ProductRecord(
        **plain,
        variants=_VARIANTS.decode(row["variants"] or "[]"),
        pictures=_PICTURES.decode(row["pictures"] or "[]"),
    )
    for variant in record.variants:
        variant.options = variant.options[: len(record.options)]
    return record


_VARIANTS = msgspec.json.Decoder(list[VariantRecord])
_PICTURES = msgspec.json.Decoder(list[Picture])
