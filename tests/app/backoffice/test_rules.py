"""The frame refuses screens that forget who may call them, or to write down what they did."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, Request, Response, get, post

from app.backoffice.audit import HIDDEN, differing, encode
from app.backoffice.forms import Form, format_price
from app.backoffice.frame import OPEN, Area, Clerk, Page, Role, back, changes, reads
from app.backoffice.site import check_routes, refuse_unaudited
from app.core.database import Database
from app.core.problems import Invalid


def test_a_screen_that_says_not_who_may_call_it_stops_the_start() -> None:
    @get("/secret")
    async def show_secret() -> str:
        return "secret"

    with pytest.raises(RuntimeError, match="/secret has no opt"):
        check_routes(Litestar([show_secret], openapi_config=None))


def test_a_screen_that_changes_by_get_or_reads_by_post_stops_the_start() -> None:
    @get("/delete", opt=changes(Area.STOCK))
    async def delete_by_get() -> str:
        return ""

    @post("/show", opt=reads(Area.STOCK))
    async def show_by_post() -> str:
        return ""

    @get("/login", opt=OPEN)
    async def show_login() -> str:
        return ""

    for wrong in (delete_by_get, show_by_post):
        with pytest.raises(RuntimeError, match="GET reads, every other method changes"):
            check_routes(Litestar([wrong], openapi_config=None))
    check_routes(Litestar([show_login], openapi_config=None))


@pytest.mark.parametrize(("audited", "status"), [(True, 200), (False, 500)])
async def test_a_change_that_nobody_wrote_down_is_a_fault(audited: bool, status: int) -> None:
    clerk = Clerk(1, "Ada", "a@example.com", frozenset({Role.SUPPORT}), "", "", "/", Database("unused"))

    @post("/change", status_code=200)
    async def change(request: Request[Any, Any, Any]) -> str:
        request.scope["state"]["clerk"] = clerk
        clerk.audited = audited
        return "done"

    site = Litestar([change], before_send=[refuse_unaudited], openapi_config=None, logging_config=None)
    transport = httpx.ASGITransport(site, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        assert (await client.post("/change")).status_code == status


def test_a_redirect_never_leaves_the_host() -> None:
    for path in ("https://evil.example", "//evil.example", "/\\evil.example", "evil"):
        with pytest.raises(ValueError, match="not a path"):
            back(path)
    answer: Response[bytes] = back("/stock", "Größe L ist gebucht")
    assert answer.headers["Location"] == "/stock"


def test_the_log_holds_what_differs_and_no_secret() -> None:
    assert differing({"a": 1, "b": 2}, {"a": 1, "b": 3}) == ({"b": 2}, {"b": 3})
    assert differing(None, {"a": 1}) == (None, {"a": 1})
    text = encode({"password": "leaf", "api_token": "x", "name": "Ada"})
    assert text is not None
    assert "leaf" not in text
    assert HIDDEN in text
    assert "Ada" in text


def test_a_page_knows_whether_another_follows() -> None:
    limit, offset = Page.window(3)
    rows = list(range(limit))
    assert (limit, offset) == (51, 100)
    assert Page.cut(rows, 3).more
    assert not Page.cut(rows[:-1], 3).more
    assert Page.window(-5) == (51, 0)


@given(st.integers(0, 10**11))
def test_an_amount_is_read_as_it_is_shown(amount: int) -> None:
    form = Form({"price": format_price(amount)})
    assert form.money("price") == amount
    assert not form.errors


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(max_size=40)))
def test_no_text_whatever_breaks_a_form(values: dict[str, str]) -> None:
    form = Form(values)
    readers = (form.text, form.prose, form.email, form.integer, form.money, form.optional_money, form.flag)
    for name in ("a", "b", "c"):
        for read in readers:
            read(name)
        form.choice(name, Area)
        form.choices(name, Role)
    with pytest.raises(Invalid):
        form.check()
