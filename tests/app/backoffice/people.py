"""People of the back office for tests: they take a link, set up an app on their phone, and sign in."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

import asyncpg
import httpx
import pyotp

from app.backoffice import staff
from app.backoffice.audit import Actor
from app.backoffice.roles import Role
from app.core.database import Database

HOST = "admin.localhost"
PASSWORD = "leaf kettle marble north"
TEST = Actor(None, "a test", "127.0.0.1")


@dataclass
class Person:
    """Somebody with a browser of their own and an authenticator app."""

    browser: httpx.Client
    email: str
    secret: str = ""
    # The code of the set-up.
    used: str = ""
    recovery_codes: list[str] = field(default_factory=list)

    def page(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return answer.text

    @property
    def csrf(self) -> str:
        return find(r'name="csrf_token" value="([^"]+)"', self.page("/account"))

    def send(self, path: str, **fields: object) -> httpx.Response:
        """Send a form as its page would, with the form token."""
        return self.browser.post(path, data={"csrf_token": self.csrf, **fields})

    def code(self) -> str:
        return pyotp.TOTP(self.secret).now()

    def sign_in(self, code: str, password: str = PASSWORD) -> httpx.Response:
        return self.browser.post("/login", data={"email": self.email, "password": password, "code": code})


def find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"no {pattern} in {text[-3000:]}"
    return found[1]


def open_browser(url: str, address: str | None = None) -> httpx.Client:
    """A browser of the back office's host; each has an address of its own, since tries are counted by it."""
    address = address or f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    headers = {"Host": HOST, "X-Forwarded-For": address}
    return httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False)


def take_link(url: str, token: str, email: str, name: str = "Ada") -> Person:
    """Go through the set-up page to the end."""
    person = Person(open_browser(url), email)
    page = person.page(f"/welcome?token={token}")
    person.secret = find(r'id="totp-key">([A-Z2-7 ]+)<', page).replace(" ", "")
    person.used = person.code()
    form = {"token": token, "name": name, "email": email, "password": PASSWORD, "code": person.used}
    answer = person.browser.post("/welcome", data=form)
    assert answer.status_code == 200, answer.text[-2000:]
    person.recovery_codes = re.findall(r"<code>([a-z2-7-]{19})</code>", answer.text)
    return person


async def hire(database: Database, url: str, *roles: Role, name: str = "Ada") -> Person:
    """A new member of staff with these roles, signed in."""
    email = f"{name.lower()}-{secrets.token_hex(4)}@example.com"
    token = await staff.invite(database, TEST, email, roles or [Role.ADMINISTRATOR])
    return take_link(url, token, email, name)


async def forget_staff(owner: asyncpg.Connection) -> None:
    """As a new shop: nobody works here yet."""
    await owner.execute("TRUNCATE staff, staff_links, staff_recovery_codes")
