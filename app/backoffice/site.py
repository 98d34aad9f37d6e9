"""The back office as an application of its own: finds every package's screens, admits who may call them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import structlog
from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import ASGIApp, Message, Scope

from app.backoffice import staff
from app.backoffice.forms import Form, format_price
from app.backoffice.frame import Access, Area, Clerk, Entry, Section, current_address, read_flash
from app.backoffice.limits import Limits
from app.backoffice.sessions import Session, Sessions
from app.backoffice.static import desk_static
from app.core import problems, templating
from app.core.database import Database
from app.core.problems import Problem, problem_of
from app.core.requests import SAFE_METHODS, RequestLayer, current_request_id
from app.core.settings import Settings

log = structlog.get_logger()

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
# Pictures of products come through here.
LARGEST_BODY = 8 * 1024 * 1024
_APP = Path(__file__).parent.parent


@dataclass(frozen=True)
class SignInNeeded(Exception):  # noqa: N818  # an answer, not an error
    """Nobody is signed in; afterwards they go to `path`."""

    path: str


@dataclass(frozen=True)
class Keeper:
    """What decides who somebody is."""

    sessions: Sessions
    limits: Limits
    settings: Settings

    @property
    def cookie(self) -> str:
        """`__Host-` binds the cookie to this very host over HTTPS; browsers refuse it on plain HTTP."""
        return "__Host-desk" if self.is_https else "desk"

    @property
    def is_https(self) -> bool:
        return (self.settings.back_office_url or "").startswith("https://")


@cache
def desk_modules() -> tuple[str, ...]:
    """Every `app/<noun>/desk.py`."""
    return tuple(f"app.{path.parent.name}.desk" for path in sorted(_APP.glob("*/desk.py")))


def collect_navigation() -> dict[Section, list[Entry]]:
    """The side bar's entries under their headings."""
    entries = [entry for module in desk_modules() for entry in import_module(module).navigation]
    return {section: [entry for entry in entries if entry.section is section] for section in Section}


def make_site(settings: Settings, keeper: Keeper, lent: Mapping[str, Provide], database: Database) -> ASGIApp:
    """Build the back office. Raises RuntimeError for a screen that does not say who may call it."""
    templating.environment().filters["price"] = format_price
    templating.set_globals(
        {"Area": Area, "desk_static": desk_static, "desk_navigation": collect_navigation()}
    )

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        request = cast(Request[Any, Any, Any], connection)
        access = handler.opt.get("access")
        if "access" not in handler.opt:
            raise HTTPException(status_code=404)
        if access is None:
            return
        clerk = await find_clerk(request, keeper, database)
        if clerk is None:
            raise SignInNeeded(request.url.path)
        request.scope["state"]["clerk"] = clerk
        check_access(clerk, access)
        if request.method not in SAFE_METHODS:
            await check_csrf(request, clerk)

    async def lend_clerk(request: Request[Any, Any, Any]) -> Clerk:
        clerk: Clerk = request.scope["state"]["clerk"]
        return clerk

    async def lend_form(request: Request[Any, Any, Any]) -> Form:
        return await read_form(request)

    async def lend_keeper() -> Keeper:
        return keeper

    async def secure_cookies(response: Response[Any]) -> Response[Any]:
        for cookie in response.cookies:
            cookie.secure = keeper.is_https
        return response

    routes = [route for module in desk_modules() for route in import_module(module).routes]
    site = Litestar(
        route_handlers=[Router("/", route_handlers=routes)],
        guards=[admit],
        dependencies={
            **lent,
            "clerk": Provide(lend_clerk),
            "form": Provide(lend_form),
            "keeper": Provide(lend_keeper, use_cache=True),
        },
        after_request=secure_cookies,
        before_send=[refuse_unaudited],
        exception_handlers={
            SignInNeeded: answer_sign_in,
            Problem: answer_problem,
            HTTPException: answer_http,
            Exception: answer_fault,
        },
        openapi_config=None,
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    check_routes(site)
    return RequestLayer(
        site,
        public_url=settings.back_office_url or "",
        policy=content_policy(settings.media_url),
    )


def content_policy(media_url: str) -> str:
    """Stricter than the shop's: nothing but what is named. Pictures of an imported catalogue are anywhere."""
    parts = urlsplit(media_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' https: {parts.scheme}://{parts.netloc}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def check_routes(site: Litestar) -> None:
    """Refuse a handler that does not say who may call it, or that changes something by GET."""
    for route in site.routes:
        for handler in getattr(route, "route_handlers", ()):
            methods = set(handler.http_methods) - {"OPTIONS"}
            if not methods:
                continue
            if "access" not in handler.opt:
                raise RuntimeError(f"{methods} {route.path} has no opt=reads(…) or opt=changes(…)")
            access: Access | None = handler.opt["access"]
            if access and access.changes == bool(methods & SAFE_METHODS):
                raise RuntimeError(f"{methods} {route.path}: GET reads, every other method changes")


async def find_clerk(request: Request[Any, Any, Any], keeper: Keeper, database: Database) -> Clerk | None:
    """Who asks, or None. Roles, disabling and signing out everywhere count at once: they are read anew."""
    token = request.cookies.get(keeper.cookie, "")
    session: Session | None = await keeper.sessions.find(token) if token else None
    member = await staff.read_member(database, session.staff_id) if session else None
    if session is None or member is None or member.disabled_at or member.session_epoch != session.epoch:
        return None
    return Clerk(
        id=member.id,
        name=member.name,
        email=member.email,
        roles=member.roles,
        csrf=session.csrf,
        address=current_address(request),
        path=request.url.path,
        database=database,
        flash=read_flash(request),
    )


def check_access(clerk: Clerk, access: Access) -> None:
    """Raise a 403 unless one of the roles allows it."""
    allowed = clerk.may_change(access.area) if access.changes else clerk.may_read(access.area)
    if not allowed:
        verb = "change" if access.changes else "see"
        raise Problem(
            403, "not-allowed", "Not for your role",
            f"To {verb} this ({access.area}), an administrator has to give you another role.",
        )  # fmt: skip


async def check_csrf(request: Request[Any, Any, Any], clerk: Clerk) -> None:
    """Raise a 403 unless the request carries the session's form token."""
    given = request.headers.get(CSRF_HEADER) or (await read_form(request)).values.get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), clerk.csrf.encode()):
        raise Problem(
            403, "stale-form", "This form is no longer valid", "Go back, reload the page, send it again."
        )


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """The form as it was sent; empty for a GET."""
    if request.method in SAFE_METHODS:
        return Form()
    sent = await request.form()
    values: dict[str, Any] = {}
    for name in dict.fromkeys(sent):
        several = sent.getall(name)
        values[name] = several[0] if len(several) == 1 else [str(one) for one in several]
    return Form(values)


async def refuse_unaudited(message: Message, scope: Scope) -> None:
    """Before an answer: a change that nobody wrote down must not look as if it were in order."""
    if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP:
        return
    clerk = scope.get("state", {}).get("clerk")
    if clerk and scope["method"] not in SAFE_METHODS and message["status"] < 400 and not clerk.audited:
        clerk.audited = True
        raise RuntimeError(f"{scope['method']} {scope['path']} changed something without an audit entry")


def answer_sign_in(request: Request[Any, Any, Any], needed: SignInNeeded) -> Response[Any]:
    """To the sign-in page, and back to where one was going if that was a page."""
    target = f"?next={quote(needed.path)}" if request.method in SAFE_METHODS and needed.path != "/" else ""
    if request.headers.get("hx-request"):
        return Response(b"", status_code=401, headers={"HX-Redirect": "/login", "Cache-Control": "no-store"})
    return Response(
        b"", status_code=303, headers={"Location": f"/login{target}", "Cache-Control": "no-store"}
    )


def answer_problem(request: Request[Any, Any, Any], problem: Problem) -> Response[Any]:
    """The problem as a page of the back office."""
    context = {
        "clerk": request.scope.get("state", {}).get("clerk"),
        "problem": problem,
        "request_id": current_request_id(),
    }
    response = templating.render("backoffice/error.html", context, status=problem.status)
    response.headers.update(problem.headers)
    return response


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return answer_problem(request, problem_of(request, error))


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    return answer_problem(request, problems.fault_of(request, error))
