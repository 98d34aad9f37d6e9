"""Answers that everyone sees alike: with an ETag, so that who has it need not get it again."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar import Request, Response

from app.core.templating import public, render_text

# The framework adds the charset to text.
HTML = "text/html"
TEXT = "text/plain"
XML = "application/xml; charset=utf-8"


def answer_public(
    request: Request[Any, Any, Any], body: bytes, media_type: str, *, max_age: int
) -> Response[bytes]:
    """Answer with `body`, or with 304 when the asker has it already; fresh for `max_age` seconds."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": public(max_age), "ETag": tag}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    return Response(body, headers=headers, media_type=media_type)


def render_public(
    request: Request[Any, Any, Any], template: str, context: dict[str, Any], *, max_age: int
) -> Response[bytes]:
    """Answer with a page that everyone sees alike."""
    return answer_public(request, render_text(template, context).encode(), HTML, max_age=max_age)


def _names(if_none_match: str, tag: str) -> bool:
    # Weak or not does not matter here (RFC 9110, 13.1.2); the edge weakens the tags of what it compresses.
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in if_none_match.split(","))
