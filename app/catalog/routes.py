"""The catalogue's pages: all collections, one, a search, a product. All public: the edge may keep them."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler
from markupsafe import Markup

from app.catalog import pages, service
from app.catalog.api import api_routes
from app.core.database import Database
from app.core.settings import Settings
from app.core.templating import public
from app.website.answers import render_public
from app.website.layout import media_addresses

# How long a page may be old in the edge's cache, in seconds. The cart asks for the stock of the moment.
LIST_SECONDS = 10
PRODUCT_SECONDS = 5
COLLECTIONS_SECONDS = 60

RELATED = 4

Page = Request[Any, Any, Any]


@get("/collections", include_in_schema=False)
async def show_collections(request: Page, database: Database) -> Response[bytes]:
    """Every collection."""
    collections = await service.list_collections(database)
    return render_public(
        request, "catalog/collections.html", {"collections": collections}, max_age=COLLECTIONS_SECONDS
    )


@get("/products", include_in_schema=False)
async def redirect_products() -> Redirect:
    """Where other shops list all products."""
    return Redirect("/collections/all", status_code=301, headers={"Cache-Control": public(3600)})


@get("/collections/{handle:str}", include_in_schema=False)
async def show_collection(
    request: Page, database: Database, settings: Settings, handle: str
) -> Response[bytes]:
    """The products of a collection, or, as `all`, of the whole shop."""
    path = f"/collections/{handle}"
    selection = pages.read_selection(request.query_params, collection=None if handle == "all" else handle)
    listing = await service.list_page(database, selection)
    title = listing.title or "All products"
    crumbs = [("Home", "/"), (title, path)]
    context = pages.listing_context(path, selection, listing) | {
        "handle": handle,
        "title": title,
        "crumbs": crumbs,
        "data": [as_json_data(pages.crumbs_data(crumbs, public_url=_public(settings)))],
    }
    return render_public(request, "catalog/collection.html", context, max_age=LIST_SECONDS)


@get("/search", include_in_schema=False)
async def show_search(request: Page, database: Database) -> Response[bytes]:
    """Products that match `?q=`, or the form alone."""
    selection = pages.read_selection(request.query_params, search=True)
    listing = await service.list_page(database, selection) if selection.terms else service.NOTHING
    context = pages.listing_context("/search", selection, listing) | {"search_terms": selection.terms}
    return render_public(request, "catalog/search.html", context, max_age=LIST_SECONDS)


@get("/products/{handle:str}", include_in_schema=False)
async def show_product(request: Page, database: Database, settings: Settings, handle: str) -> Response[bytes]:
    """A product; `?variant=` chooses one of its variants, `?picture=` one of its pictures."""
    product, related = await service.read_product_page(database, handle, RELATED)
    variant = pages.choose_variant(product, request.query_params.get("variant", ""))
    large, thumbnails = pages.list_thumbnails(product, variant, request.query_params.get("picture", ""))
    crumbs = pages.product_crumbs(product)
    public_url, media_url = _public(settings), media_addresses(settings)
    context = {
        "product": product,
        "variant": variant,
        "choices": pages.list_choices(product, variant),
        "large": large,
        "thumbnails": thumbnails,
        "crumbs": crumbs,
        "related": related,
        "body": Markup(product.body_html),  # noqa: S704  # sanitized by the import
        "description": pages.describe(product),
        "few": pages.FEW,
        "most": min(variant.available, pages.MOST_AT_ONCE),
        "data": [
            as_json_data(pages.product_data(product, public_url=public_url, media_url=media_url)),
            as_json_data(pages.crumbs_data(crumbs, public_url=public_url)),
        ],
    }
    return render_public(request, "catalog/product.html", context, max_age=PRODUCT_SECONDS)


def as_json_data(data: dict[str, Any]) -> Markup:
    """JSON that may stand inside a script element: no `</script>` can close it early."""
    return Markup(msgspec.json.encode(data).decode().replace("<", "\\u003c"))  # noqa: S704


def _public(settings: Settings) -> pages.Address:
    return lambda path: f"{settings.public_url}{path}"


routes: list[ControllerRouterHandler] = [
    show_collections,
    redirect_products,
    show_collection,
    show_search,
    show_product,
    *api_routes,
]
