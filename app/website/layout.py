"""What every page's frame shows: the shop's name, the addresses of static files, the navigation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from app.catalog import service
from app.core.cache import Cache
from app.core.database import Database
from app.core.problems import Problem
from app.core.settings import Settings
from app.website.static_files import static_address

log = structlog.get_logger()

REFRESH_SECONDS = 30
# After a failed reading: the navigation should not stay empty for long when the database comes up late.
RETRY_SECONDS = 2
# As many as fit into the bar beside "All products" and "All collections".
FEATURED = 6


@dataclass(frozen=True)
class Shop:
    """Who the shop is."""

    name: str = "Fernhill"
    description: str = "Clothes, homeware and tools for the outdoors, made to be used and mended for years."


@dataclass
class Navigation:
    """The collections in the frame; renewed in place, so that templates always see the last reading."""

    featured: list[service.CollectionLink] = field(default_factory=list)


navigation = Navigation()


def template_globals(settings: Settings) -> dict[str, object]:
    """The names that every template knows beside those of app.core.templating."""
    return {
        "shop": Shop(),
        "static": static_address,
        "navigation": navigation,
        "media_url": media_addresses(settings),
    }


def media_addresses(settings: Settings) -> Callable[[str], str]:
    """A function from a picture's path, or its whole address, to its address."""

    def media_url(path: str) -> str:
        return path if re.match("https?://", path) else f"{settings.media_url}/{path}"

    return media_url


async def keep_fresh(database: Database, _cache: Cache) -> None:
    """Renew the navigation until cancelled. While the database is away, the last reading stays."""
    while True:
        try:
            navigation.featured = await service.list_collection_links(database, FEATURED)
        except Problem as problem:
            log.warning("the navigation was not renewed", detail=problem.detail)
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            # A loop that ends here would leave the navigation as it is until the next release.
            log.exception("the navigation was not renewed")
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await asyncio.sleep(REFRESH_SECONDS)
