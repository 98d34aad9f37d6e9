"""Shop or back office: decided by the request's Host before either sees it. Neither answers for the other."""

from __future__ import annotations

from urllib.parse import urlsplit

from litestar.types import ASGIApp, Receive, Scope, Send


class Hosts:
    """The back office for its own host; the shop for every other, health checks by address included."""

    def __init__(self, shop: ASGIApp, back_office: ASGIApp, back_office_url: str) -> None:
        self.shop = shop
        self.back_office = back_office
        self.host = (urlsplit(back_office_url).hostname or "").encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and self.is_back_office(scope):
            await self.back_office(scope, receive, send)
        else:
            await self.shop(scope, receive, send)

    def is_back_office(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return given.rsplit(b":", 1)[0].rstrip(b".").lower() == self.host
