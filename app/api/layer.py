"""Content negotiation of the API before anything is read: 415 for a foreign body, 406 for no JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar.enums import HttpMethod, ScopeType

from app.core.problems import Problem

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

API = "/api/"
NO_METHOD: Any = "NONE"
_JSON = (b"*/*", b"application/*", b"application/json", b"application/problem+json")
_READ = (b"", b"application/json", b"application/merge-patch+json")


class NegotiationLayer:
    """Wraps the application; other paths than the API's pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"].startswith(API):
            if scope["method"] == HttpMethod.OPTIONS:
                await self._tell_methods(scope, receive, send)
                return
            headers = dict(scope["headers"])
            if not accepts_json(headers.get(b"accept", b"")):
                detail = "The API answers application/json and application/problem+json."
                await _refuse(send, 406, "not-acceptable", "Not Acceptable", detail)
                return
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind not in _READ and has_body(headers):
                given = kind[:60].decode("latin-1")
                detail = f"Content-Type is {given!r}: the API reads application/json."
                await _refuse(send, 415, "unsupported-media-type", "Unsupported Media Type", detail)
                return
        await self.app(scope, receive, send)

    async def _tell_methods(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer OPTIONS with every method there is: the framework's own answer knows one handler's alone."""
        found = False

        async def send_methods(message: Message) -> None:
            nonlocal found
            if message["type"] == "http.response.start":
                allow = [pair for pair in message["headers"] if pair[0] == b"allow"]
                found = bool(allow)
                if found:
                    message = {**message, "status": 204, "headers": [*allow, (b"cache-control", b"no-store")]}
            elif found:
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        # A method that nothing has: the refusal lists those that are.
        await self.app({**scope, "method": NO_METHOD}, receive, send_methods)


def accepts_json(accept: bytes) -> bool:
    """Whether the header Accept allows JSON; without one, everything is accepted."""
    if not accept or accept in _JSON:
        return True
    kinds = (part.split(b";") for part in accept.split(b","))
    return any(
        kind[0].strip().lower() in _JSON or kind[0].strip().lower().endswith(b"+json")
        for kind in kinds
        if not any(parameter.replace(b" ", b"") in (b"q=0", b"q=0.0") for parameter in kind[1:])
    )


def has_body(headers: dict[bytes, bytes]) -> bool:
    """Whether a body comes with the request."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


async def _refuse(send: Send, status: int, slug: str, title: str, detail: str) -> None:
    document = Problem(status, slug, title, detail).document()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": msgspec.json.encode(document), "more_body": False})
