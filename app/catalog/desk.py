"""Desk screens of the catalogue: products with their variants, and collections."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.forms import format_price
from app.backoffice.frame import Area, Clerk, Entry, Form, Page, Section, back, changes, reads, show
from app.catalog import collections, editing, service
from app.catalog.drafts import parse_size, slug
from app.core.database import Database
from app.core.problems import Invalid, Problem
from app.core.settings import Settings
from app.media import pictures
from app.media import service as media
from app.media.adapters import has_media
from app.taxes import service as taxes

VARIANT_FIELDS = ("sku", "price", "compare_at", "weight_grams", "size_mm", "taxable", "active")
HEAVIEST_GRAMS = 1_000_000
# A worker that is not busy has kept a picture by then.
WAIT_SECONDS = 4


class Shown(StrEnum):
    """Which products to list."""

    ALL = ""
    PUBLISHED = "published"
    HIDDEN = "hidden"


@get("/products", opt=reads(Area.CATALOGUE))
async def list_products(
    clerk: Clerk, database: Database, q: str = "", shown: Shown = Shown.ALL, page: int = 1
) -> Response[bytes]:
    """Products by title, handle or SKU, last changed first."""
    form = Form({"q": q, "shown": shown.value})
    rows = await service.list_for_desk(database, form.text("q", least=0), shown.value, *Page.window(page))
    return show(clerk, "catalog/desk_products.html", {"rows": Page.cut(rows, page), "form": form})


@get("/products/new", opt=reads(Area.CATALOGUE))
async def show_new_product(clerk: Clerk) -> Response[bytes]:
    return show(clerk, "catalog/desk_new_product.html", {"form": Form()})


@post("/products/new", opt=changes(Area.CATALOGUE), status_code=200)
async def create_product(clerk: Clerk, form: Form) -> Response[bytes]:
    """Make a product with one variant, unpublished: it is described next."""
    title, price = form.text("title"), form.money("price")
    handle = slug(form.text("handle", least=0) or title)
    options = [name for name in form.text("options", least=0).split(",") if name.strip()]
    values = [value for value in form.text("values", least=0).split(",") if value.strip()]
    if not handle:
        form.refuse("handle", "An address is made of it: use Latin letters or digits.")
    if len(options) != len(values) or len(options) > 3:
        form.refuse("values", "Give a value for each option, three at most, separated by commas.")
    if not form.errors:
        draft = editing.ProductDraft(
            handle=handle,
            title=title,
            options=[name.strip() for name in options],
            variants=[
                editing.VariantDraft(
                    options=[value.strip() for value in values],
                    price=price,
                    gift_card=form.flag("gift_card"),
                )
            ],
        )
        try:
            async with clerk.change("product.create", f"product:{handle}") as change:
                product = await editing.create_product(change.connection, draft)
                told = {"title": title, "price": price, "gift_card": product.variants[0].gift_card}
                change.after = {"id": product.id, **told}
            return back(f"/products/{product.id}", f"{title} is made; it is not published yet.")
        except Problem as problem:
            form.refuse("handle", problem.detail)
    return show(clerk, "catalog/desk_new_product.html", {"form": form}, status=422)


@get("/products/{product:int}", opt=reads(Area.CATALOGUE))
async def show_product(clerk: Clerk, database: Database, product: int) -> Response[bytes]:
    return await _product_page(clerk, database, product)


@post("/products/{product:int}", opt=changes(Area.CATALOGUE), status_code=200)
async def change_product(clerk: Clerk, database: Database, form: Form, product: int) -> Response[bytes]:
    """Describe a product anew, publish it or take it back, put it into collections."""
    new = editing.ProductChange(
        title=form.text("title"),
        body_html=form.prose("body_html"),
        vendor=form.text("vendor", least=0),
        kind=form.text("kind", least=0),
        category=form.text("category", least=0),
        tags=_list(form.prose("tags")),
        seo_title=form.text("seo_title", least=0),
        seo_description=form.text("seo_description", least=0, most=1000),
        published=form.flag("published"),
        pictures=_pictures(form.prose("pictures")),
    )
    tax_class = form.text("tax_class", most=31)
    if tax_class not in await _tax_classes(database, product):
        form.refuse("tax_class", f"{tax_class!r} has no rates: choose a class that is offered.")
    wanted = sorted(
        int(one) for one in form.lists.get("collections", []) if one.isdecimal() and len(one) < 12
    )
    if not form.errors:
        try:
            async with clerk.change("product.change", f"product:{product}") as change:
                found = await editing.lock_product(change.connection, product)
                _check_seen(form, found)
                change.before = {
                    **_described(found),
                    "collections": await collections.collections_of(change.connection, product),
                    "tax_class": await service.read_tax_class(change.connection, product),
                }
                changed = await editing.change_product(change.connection, found, new)
                await collections.set_collections(change.connection, product, wanted)
                await service.set_tax_class(change.connection, product, tax_class)
                change.after = {**_described(changed), "collections": wanted, "tax_class": tax_class}
            return back(f"/products/{product}", f"{changed.title} is saved.")
        except Invalid as invalid:
            _take_faults(form, invalid)
    return await _product_page(clerk, database, product, form=form)


@post("/products/{product:int}/variants", opt=changes(Area.CATALOGUE), status_code=200)
async def change_variants(clerk: Clerk, database: Database, form: Form, product: int) -> Response[bytes]:
    """Change prices, SKUs, weights and sale of all variants at once: all or none."""
    try:
        async with clerk.change("product.variants", f"product:{product}") as change:
            found = await editing.lock_product(change.connection, product)
            new = {variant.id: _read_variant(form, variant.id) for variant in found.variants}
            _check_seen(form, found)
            form.check()
            before, after = {}, {}
            for variant in found.variants:
                old, given = _variant(variant), msgspec.structs.asdict(new[variant.id])
                given = {name: given[name] for name in VARIANT_FIELDS}
                if old != given:
                    await editing.change_variant(change.connection, found, variant.id, new[variant.id])
                    before[f"variant {variant.id}"], after[f"variant {variant.id}"] = old, given
            change.before, change.after = before, after
    except Invalid as invalid:
        _take_faults(form, invalid)
        return await _product_page(clerk, database, product, variants=form)
    return back(f"/products/{product}#variants", "The variants are saved.")


@post("/products/{product:int}/variants/new", opt=changes(Area.CATALOGUE), status_code=200)
async def add_variant(clerk: Clerk, database: Database, form: Form, product: int) -> Response[bytes]:
    """Add a variant: a value for each option, a price."""
    try:
        async with clerk.change("product.add-variant", f"product:{product}") as change:
            found = await editing.lock_product(change.connection, product)
            options = [form.text(f"option{number}") for number, _ in enumerate(found.options)]
            draft = editing.VariantDraft(
                options=options,
                price=form.money("price"),
                sku=form.text("sku", least=0),
                gift_card=form.flag("gift_card"),
            )
            form.check()
            made = await editing.add_variant(change.connection, found, draft)
            told = {"options": options, "gift_card": made.gift_card, **_variant(made)}
            change.after = {"variant": made.id, **told}
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        form.refuse("option0", problem.detail)
        return await _product_page(clerk, database, product, variant=form)
    return back(f"/products/{product}#variants", f"{made.title} is added; it has no stock yet.")


@post("/products/{product:int}/pictures", opt=changes(Area.CATALOGUE), status_code=200)
async def add_picture(
    clerk: Clerk, database: Database, settings: Settings, form: Form, product: int
) -> Response[bytes]:
    """Upload a picture: it becomes the product's last one as soon as a worker has prepared it."""
    alt, file = form.text("alt"), form.files.get("picture")
    content = await file.read() if file else b""
    if not has_media(settings):
        form.refuse("picture", "This shop has no place for pictures: set MEDIA_ROOT or MEDIA_BUCKET.")
    elif not content:
        form.refuse("picture", "Please choose a file.")
    else:
        try:
            await asyncio.to_thread(pictures.check, content)
        except pictures.PictureError as error:
            form.refuse("picture", str(error))
    if form.errors:
        return await _product_page(clerk, database, product, picture=form)
    async with clerk.change("product.add-picture", f"product:{product}") as change:
        await editing.lock_product(change.connection, product)
        upload = await media.take(change.connection, product, content, alt)
        change.after = {"upload": upload, "alt": alt, "bytes": len(content)}
    settled = await media.wait(database, upload, WAIT_SECONDS)
    return back(f"/products/{product}#gallery", "" if settled else "The picture is being prepared.")


@post("/products/{product:int}/uploads/{upload:int}/removal", opt=changes(Area.CATALOGUE))
async def remove_upload(clerk: Clerk, product: int, upload: int) -> Response[bytes]:
    """Forget an upload that has not become a picture."""
    async with clerk.change("product.remove-upload", f"product:{product}") as change:
        alt = await media.remove(change.connection, product, upload)
        change.before = {"upload": upload, "alt": alt}
    return back(f"/products/{product}#gallery", "The upload is removed.")


@get("/collections", opt=reads(Area.CATALOGUE))
async def list_collections(clerk: Clerk, database: Database) -> Response[bytes]:
    rows = await collections.list_collections(database)
    return show(clerk, "catalog/desk_collections.html", {"rows": rows, "form": Form()})


@post("/collections", opt=changes(Area.CATALOGUE), status_code=200)
async def add_collection(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Make an empty collection."""
    title, description = form.text("title"), form.prose("description", most=2000)
    if not form.errors:
        try:
            async with clerk.change("collection.create", f"collection:{slug(title)}") as change:
                made = await collections.add_collection(change.connection, title, description)
                change.after = {"id": made, "title": title}
            return back(f"/collections/{made}", f"{title} is made.")
        except Problem as problem:
            if problem.status not in (409, 422):
                raise
            form.refuse("title", problem.detail)
    rows = await collections.list_collections(database)
    return show(clerk, "catalog/desk_collections.html", {"rows": rows, "form": form}, status=422)


@get("/collections/{collection:int}", opt=reads(Area.CATALOGUE))
async def show_collection(
    clerk: Clerk, database: Database, collection: int, page: int = 1
) -> Response[bytes]:
    found = await collections.read_collection(database, collection)
    rows = await service.list_of_collection(database, collection, *Page.window(page))
    context = {"collection": found, "form": Form(found), "rows": Page.cut(rows, page)}
    return show(clerk, "catalog/desk_collection.html", context)


@post("/collections/{collection:int}", opt=changes(Area.CATALOGUE))
async def change_collection(clerk: Clerk, form: Form, collection: int) -> Response[bytes]:
    """Describe a collection anew."""
    title, description = form.text("title"), form.prose("description", most=2000)
    form.check()
    async with clerk.change("collection.change", f"collection:{collection}") as change:
        change.before = await collections.read_collection(change.connection, collection)
        await collections.change_collection(change.connection, collection, title, description)
        change.after = await collections.read_collection(change.connection, collection)
    return back(f"/collections/{collection}", f"{title} is saved.")


async def _product_page(
    clerk: Clerk,
    database: Database,
    product: int,
    *,
    form: Form | None = None,
    variants: Form | None = None,
    variant: Form | None = None,
    picture: Form | None = None,
) -> Response[bytes]:
    """The page of one product; a form that was refused is shown as it was sent."""
    found = await editing.read_product(database, product)
    described: dict[str, Any] = {
        **_described(found),
        "tags": ", ".join(found.tags),
        "pictures": "\n".join(f"{one.path} | {one.alt}" if one.alt else one.path for one in found.pictures),
        "collections": await collections.collections_of(database, product),
        "tax_class": await service.read_tax_class(database, product),
    }
    prices = {f"{name}-{one.id}": value for one in found.variants for name, value in _shown(one).items()}
    context = {
        "product": found,
        "form": form or Form(described),
        "variants": variants or Form(prices),
        "variant": variant or Form(),
        "picture": picture or Form(),
        "uploads": await media.list_uploads(database, product),
        "units": await service.list_units(database, product),
        "tax_classes": [(one, one) for one in await _tax_classes(database, product)],
        "all_collections": await collections.list_collections(database),
    }
    refused = any(one and one.errors for one in (form, variants, variant, picture))
    return show(clerk, "catalog/desk_product.html", context, status=422 if refused else 200)


async def _tax_classes(database: Database, product: int) -> list[str]:
    """What has rates; and what the product has now, should its rates be gone."""
    now = await service.read_tax_class(database, product)
    return list(dict.fromkeys([*await taxes.list_classes(database), now]))


def _described(product: editing.ProductRecord) -> dict[str, Any]:
    plain = msgspec.structs.asdict(product)
    for name in ("id", "handle", "options", "variants", "created_at", "updated_at"):
        del plain[name]
    return {**plain, "pictures": [[one.path, one.alt] for one in product.pictures]}


def _variant(variant: editing.VariantRecord) -> dict[str, Any]:
    plain = msgspec.structs.asdict(variant)
    return {name: plain[name] for name in VARIANT_FIELDS}


def _shown(variant: editing.VariantRecord) -> dict[str, Any]:
    money = {"price": format_price(variant.price), "compare_at": format_price(variant.compare_at)}
    return {**_variant(variant), **money, "size_mm": " x ".join(map(str, variant.size_mm or ()))}


def _read_variant(form: Form, number: int) -> editing.VariantChange:
    return editing.VariantChange(
        sku=form.text(f"sku-{number}", least=0),
        price=form.money(f"price-{number}"),
        compare_at=form.optional_money(f"compare_at-{number}") or None,
        weight_grams=form.integer(f"weight_grams-{number}", most=HEAVIEST_GRAMS),
        size_mm=_read_size(form, f"size_mm-{number}"),
        taxable=form.flag(f"taxable-{number}"),
        active=form.flag(f"active-{number}"),
    )


def _read_size(form: Form, name: str) -> list[int] | None:
    text = form.text(name, least=0, most=40)
    try:
        return list(parse_size(text)) if text else None
    except ValueError as error:
        form.refuse(name, f"The size {error}.")
        return None


def _check_seen(form: Form, product: editing.ProductRecord) -> None:
    """Raise Invalid when somebody else changed the product since the page was shown."""
    if form.values.get("seen") != product.updated_at.isoformat():
        raise Invalid(
            {"title": "Somebody else has changed this product meanwhile: look at it anew, then save."}
        )


def _take_faults(form: Form, invalid: Invalid) -> None:
    for fault in invalid.extra["errors"]:
        form.refuse(fault["field"].partition("[")[0], fault["message"])


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.replace("\n", ",").split(",") if part.strip()))


def _pictures(text: str) -> list[editing.Picture]:
    lines = [line.partition("|") for line in text.splitlines() if line.strip()]
    return [editing.Picture(path.strip(), alt.strip()) for path, _, alt in lines]


navigation = [
    Entry("Products", "/products", Area.CATALOGUE, Section.CATALOGUE),
    Entry("Collections", "/collections", Area.CATALOGUE, Section.CATALOGUE),
]

routes: list[ControllerRouterHandler] = [
    list_products,
    show_new_product,
    create_product,
    show_product,
    change_product,
    change_variants,
    add_variant,
    add_picture,
    remove_upload,
    list_collections,
    add_collection,
    show_collection,
    change_collection,
]
