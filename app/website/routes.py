"""The home page, static files, and what search engines read."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler

from app.catalog import service
from app.catalog.routes import as_json_data
from app.core.database import Database
from app.core.problems import NotFound
from app.core.settings import Settings
from app.core.templating import PRIVATE, render_text
from app.website.answers import TEXT, XML, answer_public, render_public
from app.website.layout import Shop
from app.website.static_files import FOREVER, find_static_file

HOME_SECONDS = 10
ROBOTS_SECONDS = 3600
FRAGMENT_SECONDS = 3600


NEW_PRODUCTS = 8

Page = Request[Any, Any, Any]

# Filters and sorts are endless, searches too; carts and checkouts are nobody's to index.
ROBOTS = """User-agent: *
Disallow: /cart
Disallow: /checkout
Disallow: /orders/
Disallow: /search
Disallow: /fragments/
Disallow: /api/
Disallow: /collections/*?*sort=
Disallow: /collections/*?*from=
Disallow: /collections/*?*to=
Disallow: /collections/*?*in_stock=

Sitemap: {sitemap}
"""


@get("/", include_in_schema=False)
async def show_home(request: Page, database: Database, settings: Settings) -> Response[bytes]:
    """What the shop is, its collections, and what is new."""
    collections, newest = await service.read_home(database, NEW_PRODUCTS)
    shop = Shop()
    website = {
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": shop.name,
        "url": f"{settings.public_url}/",
        "potentialAction": {
            "@type": "SearchAction",
            "target": f"{settings.public_url}/search?q={{search_term_string}}",
            "query-input": "required name=search_term_string",
        },
    }
    context = {"collections": collections, "newest": newest, "data": [as_json_data(website)]}
    return render_public(request, "website/home.html", context, max_age=HOME_SECONDS)


@get("/static/{name:str}", include_in_schema=False)
async def show_static(name: str) -> Response[bytes]:
    """A static file; kept for good by browsers, unless the address is of another version's content."""
    found = find_static_file(name)
    if found is None:
        raise NotFound("There is no such file.")
    file, exact = found
    headers = {"Cache-Control": FOREVER if exact else PRIVATE, "ETag": f'"{file.digest}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)


@get("/fragments/added", include_in_schema=False)
async def show_added(request: Page) -> Response[bytes]:
    """What a page says when something has been put into the cart; the same for all."""
    return render_public(request, "website/added.html", {}, max_age=FRAGMENT_SECONDS)


@get("/robots.txt", include_in_schema=False)
async def show_robots(request: Page, settings: Settings) -> Response[bytes]:
    """Where robots may go."""
    text = ROBOTS.format(sitemap=f"{settings.public_url}/sitemap.xml")
    return answer_public(request, text.encode(), TEXT, max_age=ROBOTS_SECONDS)


@get("/sitemap.xml", include_in_schema=False)
async def show_sitemap(request: Page, database: Database) -> Response[bytes]:
    """The list of sitemaps."""
    context = {"parts": await service.count_sitemap_parts(database)}
    body = render_text("website/sitemap_index.xml", context).encode()
    return answer_public(request, body, XML, max_age=ROBOTS_SECONDS)


@get("/sitemaps/{part:int}", include_in_schema=False)
async def show_sitemap_part(request: Page, database: Database, part: int) -> Response[bytes]:
    """One sitemap: the first has the collections too."""
    products, collections = await service.read_sitemap(database, part)
    if not products and part != 1:
        raise NotFound(f"There is no sitemap {part}.")
    body = render_text("website/sitemap.xml", {"products": products, "collections": collections}).encode()
    return answer_public(request, body, XML, max_age=ROBOTS_SECONDS)


routes: list[ControllerRouterHandler] = [
    show_home,
    show_static,
    show_added,
    show_robots,
    show_sitemap,
    show_sitemap_part,
]
