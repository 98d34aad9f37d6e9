"""In and out: sign-in with two factors, set-up by a one-time link, sign-out; and the pages' static files."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.types import ControllerRouterHandler
from markupsafe import Markup

from app.backoffice import factors, staff
from app.backoffice.forms import Form
from app.backoffice.frame import OPEN, OWN, Clerk, current_address
from app.backoffice.site import Keeper
from app.backoffice.static import find_desk_file
from app.core.database import Database
from app.core.problems import Invalid, NotFound, Problem
from app.core.settings import Settings
from app.core.templating import PRIVATE, render
from app.website.layout import Shop
from app.website.static_files import FOREVER

Call = Request[Any, Any, Any]


@get("/login", opt=OPEN)
async def show_sign_in(next: str = "/") -> Response[bytes]:
    """The sign-in page."""
    return _sign_in_page(Form(), next)


@post("/login", opt=OPEN, status_code=200)
async def sign_in(
    request: Call, database: Database, settings: Settings, keeper: Keeper, form: Form
) -> Response[bytes]:
    """Check address, password and code together; a refusal does not say which was wrong."""
    # Read without faults: whatever is sent here either fits or does not.
    email, code = form.values.get("email", "").strip()[:254], form.values.get("code", "").strip()[:40]
    password, target = form.values.get("password", ""), form.values.get("next", "/")
    address = current_address(request)
    try:
        await keeper.limits.take(address, email)
        given = staff.Credentials(email, password, code)
        signed = await staff.sign_in(database, settings.secrets.session_key, given, address)
    except Problem as problem:
        if problem.status not in (401, 429):
            raise
        return _sign_in_page(Form({"email": email}), target, problem)
    await keeper.limits.forget(email)
    response = Response(
        b"", status_code=303, headers={"Location": _own_path(target), "Cache-Control": PRIVATE}
    )
    return await _begin(request, keeper, signed, response)


@post("/logout", opt=OWN)
async def sign_out(request: Call, keeper: Keeper, clerk: Clerk) -> Response[bytes]:
    """End this session."""
    await keeper.sessions.end(request.cookies.get(keeper.cookie, ""))
    # Nothing of the shop's has changed.
    clerk.audited = True
    response = Response(b"", status_code=303, headers={"Location": "/login", "Cache-Control": PRIVATE})
    response.set_cookie(_cookie(keeper, "", 0))
    return response


@get("/welcome", opt=OPEN)
async def show_set_up(database: Database, settings: Settings, token: str = "") -> Response[bytes]:
    """Where a one-time link leads; looking does not use it up."""
    link = await staff.read_link(database, token)
    return _set_up_page(settings, link, token, Form({"email": link.email, "name": link.name or ""}))


@post("/welcome", opt=OPEN, status_code=200)
async def set_up(
    request: Call, database: Database, settings: Settings, keeper: Keeper, form: Form
) -> Response[bytes]:
    """Use the link up, sign in, and show the recovery codes: once."""
    token = form.values.get("token", "")
    await keeper.limits.take(current_address(request), f"link {token}")
    link = await staff.read_link(database, token)
    name = link.name or form.text("name", most=100)
    email = link.email or form.email("email")
    password = form.values.get("password", "")
    if fault := factors.judge_password(password, name, email):
        form.refuse("password", fault)
    given = staff.SetUp(name, email, password, form.text("code", most=20))
    if form.errors:
        return _set_up_page(settings, link, token, form)
    key, address = settings.secrets.session_key, current_address(request)
    try:
        signed = await staff.redeem(database, key, token, given, address)
    except Invalid as invalid:
        for fault in invalid.extra["errors"]:
            form.refuse(fault["field"], fault["message"])
        return _set_up_page(settings, link, token, form)
    response = render("backoffice/recovery_codes.html", {"codes": signed.recovery_codes, "name": name})
    return await _begin(request, keeper, signed, response)


@get("/static/{name:str}", opt=OPEN)
async def show_desk_file(name: str) -> Response[bytes]:
    """Style and script of these pages."""
    found = find_desk_file(name)
    if found is None:
        raise NotFound("There is no such file.")
    file, exact = found
    return Response(
        file.content, media_type=file.media_type, headers={"Cache-Control": FOREVER if exact else PRIVATE}
    )


@get("/robots.txt", opt=OPEN)
async def refuse_robots() -> Response[bytes]:
    return Response(
        b"User-agent: *\nDisallow: /\n", media_type="text/plain", headers={"Cache-Control": PRIVATE}
    )


def _sign_in_page(form: Form, target: str, problem: Problem | None = None) -> Response[bytes]:
    context = {"form": form, "next": _own_path(target), "problem": problem}
    response = render("backoffice/sign_in.html", context, status=problem.status if problem else 200)
    response.headers.update(problem.headers if problem else {})
    return response


def _set_up_page(settings: Settings, link: staff.Link, token: str, form: Form) -> Response[bytes]:
    secret = factors.totp_secret(settings.secrets.session_key, link.totp_nonce)
    shop = f"{Shop().name} ({urlsplit(settings.back_office_url or '').hostname})"
    address = factors.totp_address(secret, link.email or "staff", shop)
    context = {
        "form": form,
        "link": link,
        "one_time": token,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        # Of our own making: nothing in it comes from a form.
        "picture": Markup(factors.draw_qr(address)),  # noqa: S704
    }
    return render("backoffice/set_up.html", context, status=422 if form.errors else 200)


async def _begin(
    request: Call, keeper: Keeper, signed: staff.SignedIn, response: Response[bytes]
) -> Response[bytes]:
    """Always a new session: whoever knew the old token knows nothing."""
    if old := request.cookies.get(keeper.cookie):
        await keeper.sessions.end(old)
    response.set_cookie(_cookie(keeper, await keeper.sessions.begin(signed.staff_id, signed.epoch), None))
    return response


def _cookie(keeper: Keeper, token: str, seconds: int | None) -> Cookie:
    return Cookie(
        keeper.cookie, value=token, max_age=seconds, secure=keeper.is_https, httponly=True, samesite="strict"
    )


def _own_path(target: str) -> str:
    """A path of this host, or the first page."""
    good = (
        target.startswith("/") and not target.startswith("//") and target.isprintable() and "\\" not in target
    )
    return target if good and target.isascii() else "/"


routes: list[ControllerRouterHandler] = [
    show_sign_in,
    sign_in,
    sign_out,
    show_set_up,
    set_up,
    show_desk_file,
    refuse_robots,
]
