"""The frame holds every screen to its rules: host, session, role, form token, audit."""

from __future__ import annotations

import asyncpg
import pytest

from app.backoffice.roles import CHANGES, READS, Area, Role
from app.backoffice.site import collect_navigation
from app.core.database import Database
from tests.app.backoffice.people import HOST, find, hire, open_browser
from tests.app.processes import Process

# Every package's, as the side bar names them.
SCREENS = [entry.path for entries in collect_navigation().values() for entry in entries]
SCREENS += ["/account", "/jobs?status=todo"]


@pytest.mark.parametrize("path", SCREENS)
async def test_an_administrator_sees_every_screen(database: Database, web: Process, path: str) -> None:
    ada = await hire(database, web.url)
    page = ada.page(path)
    assert 'aria-current="page"' in page or path == "/account"


@pytest.mark.parametrize("path", SCREENS)
def test_nobody_sees_a_screen_without_signing_in(web: Process, path: str) -> None:
    with open_browser(web.url) as browser:
        answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("path", ["/login", "/welcome", "/staff", "/audit"])
def test_the_shops_host_never_serves_the_back_office(web: Process, path: str) -> None:
    with open_browser(web.url) as browser:
        assert browser.get(path, headers={"Host": "shop.localhost"}).status_code == 404
        assert browser.get(path, headers={"Host": f"x.{HOST}"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/collections/all", "/cart", "/search", "/api/v1/products", "/metrics", "/topology", "/info"]
)
async def test_the_back_office_never_serves_the_shop(database: Database, web: Process, path: str) -> None:
    ada = await hire(database, web.url)
    ada.page(path, status=404)


def test_the_back_offices_host_is_known_with_any_port_and_case(web: Process) -> None:
    with open_browser(web.url) as browser:
        assert "back office" in browser.get("/login", headers={"Host": "Admin.Localhost:8443"}).text


async def test_pages_are_private_and_run_no_inline_script(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    answer = ada.browser.get("/")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    for name in ("desk", "htmx"):
        address = find(rf'"(/static/{name}\.[^"]+)"', answer.text)
        assert "immutable" in ada.browser.get(address).headers["cache-control"]


async def test_the_session_cookie_is_for_this_host_alone(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    answer = ada.sign_in(ada.recovery_codes[0])
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie


async def test_a_role_sees_and_changes_its_own_areas_only(database: Database, web: Process) -> None:
    sam = await hire(database, web.url, Role.SUPPORT, name="Sam")
    assert "/staff" not in sam.page("/")
    for path in ("/staff", "/audit", "/settings", "/jobs"):
        sam.page(path, status=403)
    assert sam.send("/staff/invitations", email="x@example.com", roles="administrator").status_code == 403


def test_no_role_but_the_administrators_changes_what_it_cannot_read() -> None:
    for role in Role:
        assert CHANGES[role] <= READS[role]
    assert READS[Role.ADMINISTRATOR] == set(Area)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        assert not CHANGES[role] & {Area.STAFF, Area.AUDIT, Area.SETTINGS, Area.KEYS, Area.JOBS}


async def test_a_form_without_its_token_or_with_anothers_changes_nothing(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada, eve = await hire(database, web.url), await hire(database, web.url, name="Eve")
    form = {"email": "new@example.com", "roles": "support"}
    for token in ({}, {"csrf_token": eve.csrf}, {"csrf_token": ""}):
        assert ada.browser.post("/staff/invitations", data={**form, **token}).status_code == 403
    assert not await owner.fetch("SELECT 1 FROM staff_links WHERE email = 'new@example.com'")


async def test_another_sites_page_cannot_send_a_form(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    form = {"csrf_token": ada.csrf, "email": "new@example.com", "roles": "support"}
    for headers in ({"Origin": "http://shop.localhost"}, {"Sec-Fetch-Site": "same-site"}):
        assert ada.browser.post("/staff/invitations", data=form, headers=headers).status_code == 403


async def test_a_change_is_in_the_audit_log_with_what_was_before(database: Database, web: Process) -> None:
    ada, bob = await hire(database, web.url), await hire(database, web.url, Role.SUPPORT, name="Bob")
    number = await database.fetchval("SELECT id FROM staff WHERE email = $1", bob.email)
    answer = ada.send(f"/staff/{number}/roles", roles=["orders", "catalogue"])
    assert answer.status_code == 303
    assert "Bob is now" in ada.page(answer.headers["location"])
    row = await database.fetchrow(
        "SELECT * FROM audit_log WHERE object = $1 AND verb = 'staff.roles'", f"staff:{number}"
    )
    assert row
    assert (row["who"], row["outcome"]) == (ada.email, "done")
    assert row["before"] == '{"roles": ["support"]}'
    assert row["after"] == '{"roles": ["catalogue", "orders"]}'
    assert row["address"] == ada.browser.headers["x-forwarded-for"]
    shown = ada.page(f"/audit?who={ada.email}&verb=staff&object=staff")
    assert "staff.roles" in shown
    assert "Nothing was found" in ada.page("/audit?verb=staf")


async def test_the_audit_log_can_only_grow(database: Database) -> None:
    for statement in ("UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.execute(statement)
