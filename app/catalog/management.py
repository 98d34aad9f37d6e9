"""Products and variants for other systems: all of them, published or not, to read and to change."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import UNSET

from app.api.conditions import IfMatch, answer_tagged, check_match, tag_of
from app.api.idempotency import Answer, IdempotencyKey, run_once
from app.api.kinds import NO_ZERO, Cursor, Limit, PathId, moment, read_moment
from app.catalog import editing
from app.catalog.documents import (
    ChangedProduct,
    ChangedVariant,
    ManagedProduct,
    ManagedProductList,
    ManagedVariant,
    NewProduct,
    NewVariant,
    PictureEntry,
)
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Connection, Database
from app.core.money import Money
from app.keys.guards import needs
from app.keys.service import Scope

Asked = Request[Any, Any, Any]
TAG = "manage products"


Published = Annotated[bool | None, QueryParameter(description="Only published ones, or only the others")]
Sku = Annotated[
    str | None,
    QueryParameter(max_length=255, pattern=NO_ZERO, description="With a variant of this SKU"),
]
Since = Annotated[str | None, moment("Only what was changed at or after this time")]


@get(
    "/api/v1/admin/products",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedProductList, description="Products")},
    opt={"etag": True},
    **needs(Scope.PRODUCTS_READ),
)
async def list_managed_products(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    published: Published = None,
    sku: Sku = None,
    updated_from: Since = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List products in the order in which they were made, published or not."""
    after = read_cursor(cursor, int) if cursor else 0
    if not 0 <= after < 2**63:
        raise bad_cursor(cursor)
    since = read_moment("updated_from", updated_from)
    found = await editing.list_products(
        database, after=after, limit=limit + 1, published=published, sku=sku, updated_from=since
    )
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    listed = ManagedProductList([show(product) for product in found[:limit]], following)
    return answer_tagged(request, msgspec.json.encode(listed))


@get(
    "/api/v1/admin/products/{product_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedProduct, description="The product")},
    opt={"etag": True},
    **needs(Scope.PRODUCTS_READ),
)
async def show_managed_product(request: Asked, database: Database, product_id: PathId) -> Response[bytes]:
    """One product with all of its variants, published or not."""
    return answer_tagged(request, encode(await editing.read_product(database, product_id)))


@post(
    "/api/v1/admin/products",
    tags=[TAG],
    responses={201: ResponseSpec(ManagedProduct, description="The product as it was made")},
    opt={"etag": True, "location": True, "problems": ("handle-taken", "variant-taken")},
    **needs(Scope.PRODUCTS_WRITE),
)
async def create_product(
    request: Asked,
    database: Database,
    data: NewProduct,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once; named for the document
) -> Response[bytes]:
    """Make a product with its variants. It has no stock yet, and is published only if `published` is true."""

    async def work(connection: Connection) -> Answer:
        given = _fields(data, "variants", "pictures")
        draft = editing.ProductDraft(
            **given,
            variants=[_draft(variant) for variant in data.variants],
            pictures=_pictures(data.pictures),
        )
        product = await editing.create_product(connection, draft)
        location = f"/api/v1/admin/products/{product.id}"
        return Answer(show(product), 201, {"Location": location, "ETag": tag_of(encode(product))})

    return await run_once(request, database, work)


@patch(
    "/api/v1/admin/products/{product_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedProduct, description="The product as it is now")},
    opt={"etag": True},
    **needs(Scope.PRODUCTS_WRITE),
)
async def change_product(  # noqa: PLR0917
    request: Asked,
    database: Database,
    product_id: PathId,
    data: ChangedProduct,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Change what the body names: describe the product anew, publish it or take it back."""

    async def work(connection: Connection) -> Answer:
        product = await editing.lock_product(connection, product_id)
        check_match(if_match, tag_of(encode(product)))
        change = editing.ProductChange(**_fields(data, "pictures"))
        if data.pictures is not UNSET:
            change.pictures = _pictures(data.pictures)
        product = await editing.change_product(connection, product, change)
        return Answer(show(product), headers={"ETag": tag_of(encode(product))})

    return await run_once(request, database, work)


@post(
    "/api/v1/admin/products/{product_id:int}/variants",
    tags=[TAG],
    responses={201: ResponseSpec(ManagedVariant, description="The variant as it was made")},
    opt={"problems": ("variant-taken",)},
    **needs(Scope.PRODUCTS_WRITE),
)
async def create_variant(
    request: Asked,
    database: Database,
    product_id: PathId,
    data: NewVariant,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Add a variant to a product."""

    async def work(connection: Connection) -> Answer:
        product = await editing.lock_product(connection, product_id)
        return Answer(show_variant(await editing.add_variant(connection, product, _draft(data))), 201)

    return await run_once(request, database, work)


@patch(
    "/api/v1/admin/variants/{variant_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedVariant, description="The variant as it is now")},
    **needs(Scope.PRODUCTS_WRITE),
)
async def change_variant(  # noqa: PLR0917
    request: Asked,
    database: Database,
    variant_id: PathId,
    data: ChangedVariant,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Change a variant's price, weight, SKU or sale. If-Match takes the ETag of the variant's product."""

    async def work(connection: Connection) -> Answer:
        product_id = await editing.find_product_of(connection, variant_id)
        product = await editing.lock_product(connection, product_id)
        check_match(if_match, tag_of(encode(product)))
        change = editing.VariantChange(**_variant_fields(data))
        return Answer(show_variant(await editing.change_variant(connection, product, variant_id, change)))

    return await run_once(request, database, work)


def encode(product: editing.ProductRecord) -> bytes:
    """The product as its own address answers it; its ETag is made of these bytes."""
    return msgspec.json.encode(show(product))


def show(product: editing.ProductRecord) -> ManagedProduct:
    """The product in the API's words."""
    plain = msgspec.structs.asdict(product)
    return ManagedProduct(
        description_html=plain.pop("body_html"),
        type=plain.pop("kind"),
        **{
            **plain,
            "variants": [show_variant(variant) for variant in product.variants],
            "pictures": [PictureEntry(one.path, one.alt) for one in product.pictures],
        },
    )


def show_variant(variant: editing.VariantRecord) -> ManagedVariant:
    """The variant in the API's words."""
    plain = msgspec.structs.asdict(variant)
    compare_at = plain.pop("compare_at")
    del plain["position"]
    return ManagedVariant(
        **{**plain, "price": Money(variant.price)},
        compare_at_price=Money(compare_at) if compare_at else None,
    )


def _fields(data: NewProduct | ChangedProduct, *without: str) -> dict[str, Any]:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    for name in without:
        given.pop(name, None)
    if "description_html" in given:
        given["body_html"] = given.pop("description_html")
    if "type" in given:
        given["kind"] = given.pop("type")
    return given


def _variant_fields(data: NewVariant | ChangedVariant) -> dict[str, Any]:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    if "price" in given:
        given["price"] = given["price"].amount
    if "compare_at_price" in given:
        price = given.pop("compare_at_price")
        # A price to compare with of nothing is none.
        given["compare_at"] = (price.amount or None) if price else None
    return given


def _draft(data: NewVariant) -> editing.VariantDraft:
    return editing.VariantDraft(**_variant_fields(data))


def _pictures(entries: list[PictureEntry]) -> list[editing.Picture]:
    return [editing.Picture(entry.path, entry.alt) for entry in entries]


routes: list[ControllerRouterHandler] = [
    list_managed_products,
    show_managed_product,
    create_product,
    change_product,
    create_variant,
    change_variant,
]
