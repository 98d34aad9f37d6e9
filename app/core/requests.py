"""What is done to each request, in one plain ASGI layer: id, time, origin check, security headers."""

from __future__ import annotations

import re
import secrets
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from litestar import Request
from litestar.enums import HttpMethod, ScopeType

from app.core import metrics

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

log = structlog.get_logger()

_request_id: ContextVar[str] = ContextVar("request_id", default="-")
_KNOWN_ID = re.compile(rb"[A-Za-z0-9-]{8,64}")

# Slower than this is worth a line in the log; the edge logs every request anyway.
SLOW_SECONDS = 1.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def current_request_id() -> str:
    """The id under which edge, store and logs know the request at hand."""
    return _request_id.get()


def current_address(request: Request[Any, Any, Any]) -> str:
    """The client's address, by the hops that are the stack's own.

    The local edge replaces X-Forwarded-For, so it has one part. On AWS two own hops add to it: the
    distribution the client's address, the balancer the distribution's; what stands left of those was made up.
    """
    parts = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if parts:
        return parts[-2:][0][:64]
    return request.client.host if request.client else "unknown"


def content_policy(media_url: str, payment_page: str = "") -> str:
    """The Content-Security-Policy: own scripts and styles, none inline.

    `payment_page` is the origin that the payment form leads to, of a gateway with a page of its own.
    Pictures may come from anywhere over HTTPS: an imported catalogue names them where its shop keeps them.
    """
    parts = urlsplit(media_url)
    return (
        f"default-src 'self'; img-src 'self' https: data: {parts.scheme}://{parts.netloc}; "
        "script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; "
        f"form-action 'self' {payment_page}; frame-ancestors 'none'"
    )


class RequestLayer:
    """Wraps the application; refuses unsafe requests that a foreign page sent."""

    def __init__(self, app: ASGIApp, *, public_url: str, policy: str) -> None:
        """`public_url`: where this application's pages are; `policy`: their Content-Security-Policy."""
        self.app = app
        self.origin_host = urlsplit(public_url).netloc.encode()
        self.security_headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["method"] == "HEAD":
            # Whatever can be got can be asked for its headers; the server leaves the body away.
            scope = {**scope, "method": HttpMethod.GET}
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _KNOWN_ID.fullmatch(given) else secrets.token_hex(8)
        _request_id.set(request_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # A route that says something stricter of its own answer has the only word.
                own = list(message["headers"])
                named = {name.lower() for name, _ in own}
                added = [header for header in self.security_headers if header[0] not in named]
                message["headers"] = [*own, *added, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if scope["method"] not in SAFE_METHODS and self.is_foreign(headers):
                await _refuse_foreign(send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            metrics.observe_request(scope["method"], status, seconds)
            if seconds > SLOW_SECONDS or status >= 500:
                # The path alone: a query may hold an order's token.
                log.warning(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(seconds, 3),
                )
            structlog.contextvars.clear_contextvars()

    def is_foreign(self, headers: dict[bytes, bytes]) -> bool:
        """Whether another site's page made the browser send this; other clients send neither header."""
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site not in (b"same-origin", b"none")
        origin = headers.get(b"origin")
        if origin is None:
            return False
        host = origin.partition(b"://")[2]
        return host not in (self.origin_host, headers.get(b"host"))


async def _refuse_foreign(send: Send) -> None:
    body = (
        b'{"type":"/problems/foreign-origin","title":"Refused","status":403,'
        b'"detail":"The request came from a page of another site."}'
    )
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
