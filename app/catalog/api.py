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
from app.catalog.pages import MOST_CHOICES
from app.catalog.queries import Sort
from app.catalog.search_queries import Filters
from app.core.database import Database
from app.core.money import Money
from app.core.problems import Invalid
from app.core.settings import Settings
from app.website.answers import answer_public
from app.website.layout import media_addresses

JSON = "application/json"
MOST_PRICE = 10**12
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
    # With `facets=true` on the first page; else null.
    facets: list[service.FacetGroup] | None = None


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


Order = Annotated[
    str,
    Parameter(
        pattern="^(featured|newest|price|-price|title)?$",
        description="featured, newest, price, -price or title; unset: best match, or the catalogue's own",
    ),
]
Vendors = Annotated[list[str] | None, Parameter(description="Any of these vendors")]
Kinds = Annotated[list[str] | None, Parameter(query="type", description="Any of these types")]
Options = Annotated[
    list[str] | None,
    Parameter(query="option", description="`name:value`, such as `colour:Blue`; any value of each name"),
]
PriceFrom = Annotated[int | None, Parameter(ge=0, le=MOST_PRICE, description="Least price, in minor units")]
PriceTo = Annotated[int | None, Parameter(ge=0, le=MOST_PRICE, description="Greatest price, in minor units")]
InStock = Annotated[bool, Parameter(description="Only what was in stock minutes ago", default=False)]
Facets = Annotated[bool, Parameter(description="Count what the list can be narrowed by", default=False)]


def read_choices(vendors: list[str], kinds: list[str], options: list[str]) -> dict[str, tuple[str, ...]]:
    """The parameters as facet groups. Raises Invalid on an option without a name."""
    if len(vendors) + len(kinds) + len(options) > MOST_CHOICES:
        raise Invalid({"option": f"at most {MOST_CHOICES} values can be chosen"})
    choices = {group: tuple(values) for group, values in (("vendor", vendors), ("type", kinds)) if values}
    if any("\0" in text for text in (*vendors, *kinds, *options)):
        raise Invalid({"option": "a value holds a zero byte"})
    for text in options:
        name, colon, value = text.partition(":")
        if not (name and colon and value):
            raise Invalid({"option": f"option is {text[:80]!r}: write it as name:value, such as colour:Blue"})
        group = f"option.{name.lower()}"
        choices[group] = (*choices.get(group, ()), value)
    return choices


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
    sort: Order = "",
    vendor: Vendors = None,
    kind: Kinds = None,
    options: Options = None,
    price_from: PriceFrom = None,
    price_to: PriceTo = None,
    in_stock: InStock = False,
    facets: Facets = False,
) -> Response[bytes]:
    """List products in the catalogue's order, or the best matches of `query` first."""
    choices = read_choices(vendor or [], kind or [], options or [])
    filters = Filters(collection or None, words.strip() or None, price_from, price_to, in_stock, choices)
    found = await service.list_slice(
        database, filters, sort=Sort(sort) if sort else None, limit=limit, cursor=cursor or None
    )
    counted = await service.list_facets(database, filters) if facets and not cursor else None
    media_url = media_addresses(settings)
    items = [_listed(card, settings.public_url, media_url) for card in found.cards]
    body = msgspec.json.encode(ProductList(items, found.next_cursor, counted))
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
