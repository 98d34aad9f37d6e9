"""Entity tags: a reader who has the answer already gets 304, a writer who saw another state gets 412."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import HeaderParameter

from app.core.problems import Problem

Asked = Request[Any, Any, Any]

# May be kept by its reader alone, and is asked for again each time.
REVALIDATED = "private, no-cache"

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=1000,
        description="The ETag that was read; another state by now is answered with 412",
    ),
]


def tag_of(body: bytes) -> str:
    """The strong entity tag of these bytes."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def answer_tagged(
    request: Asked,
    body: bytes,
    *,
    tag: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Answer private JSON with its tag; with 304 when the reader names it in If-None-Match."""
    tag = tag or tag_of(body)
    sent = {"Cache-Control": REVALIDATED, "ETag": tag, **(headers or {})}
    if request.method == "GET" and names_tag(request.headers.get("if-none-match", ""), tag):
        return Response(b"", status_code=304, headers=sent, media_type="application/json")
    return Response(body, status_code=status, headers=sent, media_type="application/json")


def check_match(if_match: str | None, tag: str) -> None:
    """Raise a 412 unless there is no If-Match or it names this tag."""
    if if_match is not None and not names_tag(if_match, tag):
        raise changed_meanwhile(if_match, tag)


def changed_meanwhile(if_match: str, tag: str) -> Problem:
    """The 412 that tells both tags."""
    detail = f"If-Match is {if_match[:80]!r}, but the state is {tag} by now: read it again."
    return Problem(412, "precondition-failed", "It has changed meanwhile", detail, etag=tag)


def names_tag(header: str, tag: str) -> bool:
    """Whether a list of tags names this one. W/ counts: the edge weakens tags when it compresses."""
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in header.split(","))
