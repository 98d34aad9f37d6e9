"""The audit log, by member, verb, object and day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from app.backoffice import audit
from app.backoffice.forms import Form
from app.backoffice.frame import Area, Clerk, Page, reads, show
from app.core.database import Database


@get("/audit", opt=reads(Area.AUDIT))
async def show_audit(
    clerk: Clerk,
    database: Database,
    *,
    who: str = "",
    verb: str = "",
    object: str = "",
    day: str = "",
    page: int = 1,
) -> Response[bytes]:
    """Entries, newest first. A verb or object matches by its first part: `order` finds `order:S100001`."""
    form = Form({"who": who, "verb": verb, "object": object, "day": day})
    since = _day(form)
    texts = {name: form.text(name, least=0) for name in ("who", "verb", "object")}
    wanted = audit.Filter(**texts, since=since, until=since + timedelta(days=1) if since else None)
    limit, offset = Page.window(page)
    rows = [] if form.errors else await audit.read(database, wanted, limit, offset)
    context = {"rows": Page.cut(rows, page), "form": form}
    return show(clerk, "backoffice/audit.html", context, status=422 if form.errors else 200)


def _day(form: Form) -> datetime | None:
    text = form.values["day"].strip()
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        form.refuse("day", f"{text!r} is no day: write it like 2026-11-27.")
        return None


routes: list[ControllerRouterHandler] = [show_audit]
