"""The mails that the sink kept, for staff to read; without a sink there is nothing to read."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import msgspec
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, Entry, Section, reads, show
from app.core.problems import NotFound, Problem
from app.core.settings import Settings
from app.core.templating import PRIVATE
from app.mailsink.storage import Head, Mail

SECONDS = 3.0

navigation = [Entry("Sent mails", "/mails", Area.ORDERS, Section.SYSTEM)]

# What a mail brings can do nothing: no script, no form, no request, an origin of its own.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@get("/mails", opt=reads(Area.ORDERS))
async def list_mails(clerk: Clerk, settings: Settings, recipient: str = "") -> Response[bytes]:
    """The newest mails, of all or of one recipient."""
    rows: list[Head] = []
    if settings.mail_sink_url:
        query = urlencode({"recipient": recipient, "limit": 100})
        rows = msgspec.json.decode(await _ask(settings, f"/v1/mails?{query}"), type=list[Head])
    context = {"rows": rows, "recipient": recipient, "sink": bool(settings.mail_sink_url)}
    return show(clerk, "mailsink/mails.html", context)


@get("/mails/{mail:int}", opt=reads(Area.ORDERS))
async def show_mail(clerk: Clerk, settings: Settings, mail: int) -> Response[bytes]:
    """The mail's text and source."""
    return show(clerk, "mailsink/mail.html", {"mail": await _mail(settings, mail)})


@get("/mails/{mail:int}/html", opt=reads(Area.ORDERS))
async def show_html(settings: Settings, mail: int) -> Response[bytes]:
    """The mail as its reader's program shows it, in a sandbox."""
    found = await _mail(settings, mail)
    headers = {"Content-Security-Policy": _SANDBOX, "Cache-Control": PRIVATE}
    return Response(found.html.encode(), media_type="text/html; charset=utf-8", headers=headers)


async def _mail(settings: Settings, mail: int) -> Mail:
    if not settings.mail_sink_url:
        raise NotFound("This store has no mail sink: it sends through a mail server.")
    return msgspec.json.decode(await _ask(settings, f"/v1/mails/{mail}"), type=Mail)


async def _ask(settings: Settings, path: str) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
            answer = await client.get(f"{settings.mail_sink_url}{path}")
    except httpx.HTTPError as error:
        raise Problem(503, "mail-sink-away", "The mail sink does not answer", repr(error)) from error
    if answer.status_code == 404:
        raise NotFound("There is no such mail: the oldest make room for new ones.")
    if not answer.is_success:
        raise Problem(503, "mail-sink-away", "The mail sink failed", f"It answered {answer.status_code}.")
    return answer.content


routes: list[ControllerRouterHandler] = [list_mails, show_mail, show_html]
