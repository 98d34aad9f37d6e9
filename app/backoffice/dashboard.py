"""The first page: what waits for somebody; and the settings that the site runs with."""

from __future__ import annotations

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from app.backoffice import queries
from app.backoffice.frame import Area, Clerk, reads, show
from app.core.database import Database
from app.core.money import CURRENCY
from app.core.settings import Settings

# Fewer units than this of something on sale, and somebody should order more.
LOW_STOCK = 5


@get("/", opt=reads(Area.DASHBOARD))
async def show_dashboard(clerk: Clerk, database: Database) -> Response[bytes]:
    """Today's figures, the newest orders, what is short."""
    figures = await database.fetchrow(queries.FIGURES, LOW_STOCK)
    orders = await database.fetch(queries.NEWEST_ORDERS) if clerk.may_read(Area.ORDERS) else []
    low = await database.fetch(queries.LOWEST_STOCK, LOW_STOCK) if clerk.may_read(Area.STOCK) else []
    context = {"figures": figures, "orders": orders, "low": low, "low_stock": LOW_STOCK}
    return show(clerk, "backoffice/dashboard.html", context)


@get("/settings", opt=reads(Area.SETTINGS))
async def show_settings(clerk: Clerk, settings: Settings, database: Database) -> Response[bytes]:
    """What the container contract gave this site; no secret is among it."""
    known = {
        "Shop": settings.public_url,
        "Back office": settings.back_office_url,
        "Pictures": settings.media_url,
        "Currency": CURRENCY,
        "Version": settings.version,
        "Image": settings.image,
        "Answering container": settings.replica,
        "Schema": await database.fetchval(queries.SCHEMA),
    }
    return show(clerk, "backoffice/settings.html", {"known": known})


routes: list[ControllerRouterHandler] = [show_dashboard, show_settings]
