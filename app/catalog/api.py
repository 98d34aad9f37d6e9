"""The products of the API: a list with search and cursor, and one product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.types import ControllerRouterHandler

from app.api.kinds import NO_ZERO
from app.catalog import service
from app.core.database import Database
from app.core.money import Money
from app.core.settings import Settings
from app.website.answers import answer_public
from app.website.layout import media_addresses

JSON = "application/json"
# Stock moves while a list is kept: the product's own answer is kept for less.
LIST_SECONDS = 10
PRODUCT_SECONDS = 2

Asked = Request[Any, Any, Any]
Address = Callable[[str], str]


class ListedProduct(msgspec.Struct):
    """A product of a list. `price` is of its cheapest variant, `price_max` of its dearest."""

    id: int
    handle: str
    title: str
    vendor: str
    type: str
    url: str
    image: str | None
    price: Money
    price_max: Money
    compare_at_price: Money | None
    in_stock: bool


class ProductList(msgspec.Struct):
    """Some products; `next_cursor` is null at the end."""

    items: list[ListedProduct]
    next_cursor: str | None


class ListedVariant(msgspec.Struct):
    """One thing that can be bought; `available` counts units that are free now."""

    id: int
    sku: str
    title: str
    options: list[str]
    barcode: str
    price: Money
    compare_at_price: Money | None
    available: int
    weight_grams: int
    image: str | None


class Image(msgspec.Struct):
    """A picture and what it shows."""

    url: str
    alt: str


class CollectionName(msgspec.Struct):
    """A collection's name and handle."""

    handle: str
    title: str


class ProductAnswer(msgspec.Struct):
    """A product with its variants; `options` names them in the order of a variant's `options`."""

    id: int
    handle: str
    title: str
    vendor: str
    type: str
    tags: list[str]
    description_html: str
    url: str
    options: list[str]
    images: list[Image]
    collections: list[CollectionName]
    variants: list[ListedVariant]


Words = Annotated[
    str,
    Parameter(
        query="query",
        max_length=100,
        pattern=NO_ZERO,
        description="What to search for; typing mistakes are forgiven",
    ),
]
Handle = Annotated[
    str,
    Parameter(max_length=255, pattern=NO_ZERO, description="Handle of a collection: only its products"),
]
Limit = Annotated[int, Parameter(ge=1, le=100, description="Products in one answer", default=20)]
Cursor = Annotated[str, Parameter(max_length=200, description="next_cursor of the answer before")]


@get(
    "/api/v1/products",
    tags=["products"],
    responses={200: ResponseSpec(ProductList, description="Products")},
    opt={"etag": True, "problems": ("not-found",)},
)
async def list_products(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    settings: Settings,
    words: Words = "",
    collection: Handle = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List products in the catalogue's order, or the best matches of `query` first."""
    found = await service.list_slice(
        database, terms=words.strip(), collection=collection or None, limit=limit, cursor=cursor or None
    )
    media_url = media_addresses(settings)
    items = [_listed(card, settings.public_url, media_url) for card in found.cards]
    body = msgspec.json.encode(ProductList(items, found.next_cursor))
    return answer_public(request, body, JSON, max_age=LIST_SECONDS)


@get(
    "/api/v1/products/{handle:str}",
    tags=["products"],
    responses={200: ResponseSpec(ProductAnswer, description="The product")},
    opt={"etag": True},
)
async def show_product(
    request: Asked, database: Database, settings: Settings, handle: str
) -> Response[bytes]:
    """One product with its variants, their prices and what is available."""
    product = await service.read_product(database, handle)
    body = msgspec.json.encode(_answer(product, settings.public_url, media_addresses(settings)))
    return answer_public(request, body, JSON, max_age=PRODUCT_SECONDS)


def _listed(card: service.Card, public_url: str, media_url: Address) -> ListedProduct:
    return ListedProduct(
        id=card.id,
        handle=card.handle,
        title=card.title,
        vendor=card.vendor,
        type=card.kind,
        url=f"{public_url}/products/{card.handle}",
        image=media_url(card.image) if card.image else None,
        price=Money(card.price_min),
        price_max=Money(card.price_max),
        compare_at_price=Money(card.compare_at) if card.compare_at else None,
        in_stock=card.in_stock,
    )


def _answer(product: service.Product, public_url: str, media_url: Address) -> ProductAnswer:
    return ProductAnswer(
        id=product.id,
        handle=product.handle,
        title=product.title,
        vendor=product.vendor,
        type=product.kind,
        tags=product.tags,
        description_html=product.body_html,
        url=f"{public_url}/products/{product.handle}",
        options=product.options,
        images=[Image(media_url(picture.path), picture.alt) for picture in product.pictures],
        collections=[CollectionName(link.handle, link.title) for link in product.collections],
        variants=[
            ListedVariant(
                id=variant.id,
                sku=variant.sku,
                title=variant.title,
                options=list(variant.options[: len(product.options)]),
                barcode=variant.barcode,
                price=Money(variant.price),
                compare_at_price=Money(variant.compare_at) if variant.compare_at else None,
                available=variant.available,
                weight_grams=variant.weight_grams,
                image=media_url(variant.image) if variant.image else None,
            )
            for variant in product.variants
        ],
    )


api_routes: list[ControllerRouterHandler] = [list_products, show_product]
