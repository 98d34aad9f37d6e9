"""What a screen is made of: who asks (`Clerk`), what they sent (`Form`), pages of rows, answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog
from litestar import Request, Response
from litestar.datastructures import Cookie

from app.backoffice import audit
from app.backoffice.forms import Form
from app.backoffice.roles import Area, Role, changeable, readable
from app.core.database import Connection, Database
from app.core.problems import Problem
from app.core.requests import current_address
from app.core.templating import PRIVATE, render

__all__ = [
    "OPEN", "OWN", "Access", "Area", "Change", "Clerk", "Entry", "Form", "Page", "Role", "Section", "back",
    "changes", "current_address", "reads", "show",
]  # fmt: skip

log = structlog.get_logger()
Row = TypeVar("Row")

PAGE_SIZE = 50
FLASH = "desk-flash"
# Long enough for the redirect that shows it.
FLASH_SECONDS = 30
LONGEST_FLASH = 300


class Section(StrEnum):
    """Headings of the side bar, in this order."""

    OVERVIEW = "Overview"
    ORDERS = "Orders"
    CATALOGUE = "Catalogue"
    STOCK = "Stock"
    MARKETING = "Marketing"
    CUSTOMERS = "Customers"
    SYSTEM = "System"


@dataclass(frozen=True)
class Entry:
    """A line of the side bar, for those who may read the area."""

    title: str
    path: str
    area: Area
    section: Section


@dataclass(frozen=True)
class Access:
    """What a route asks of who calls it."""

    area: Area
    changes: bool


# Of routes for those who have not signed in yet.
OPEN: dict[str, Any] = {"access": None}


# Of what every member of staff may change: their own sign-ins.
OWN: dict[str, Any] = {"access": Access(Area.DASHBOARD, changes=True)}


def reads(area: Area) -> dict[str, Any]:
    """The `opt` of a route that shows something of the area."""
    return {"access": Access(area, changes=False)}


def changes(area: Area) -> dict[str, Any]:
    """The `opt` of a route that changes something of the area."""
    return {"access": Access(area, changes=True)}


@dataclass
class Change:
    """A change in the making: do it on `connection`; what it was and what it is now go to the log."""

    connection: Connection
    before: audit.State = None
    after: audit.State = None


@dataclass
class Clerk:
    """The member of staff who asks, and the one way to change something in their name."""

    id: int
    name: str
    email: str
    roles: frozenset[Role]
    csrf: str
    address: str
    path: str
    database: Database
    flash: str = ""
    audited: bool = field(default=False)

    @property
    def readable(self) -> frozenset[Area]:
        return readable(self.roles)

    def may_read(self, area: Area) -> bool:
        return area in readable(self.roles)

    def may_change(self, area: Area) -> bool:
        return area in changeable(self.roles)

    @property
    def actor(self) -> audit.Actor:
        return audit.Actor(self.id, self.email, self.address)

    @asynccontextmanager
    async def change(self, verb: str, object: str) -> AsyncIterator[Change]:
        """Open a transaction; its end writes the audit entry and commits, an exception undoes both."""
        async with self.database.transaction() as connection:
            change = Change(connection)
            yield change
            before, after = audit.differing(change.before, change.after)
            await audit.write(connection, self.actor, verb, object, before=before, after=after)
        self.audited = True

    @asynccontextmanager
    async def attempt(self, verb: str, object: str, after: audit.State = None) -> AsyncIterator[None]:
        """Log that a verb with transactions of its own begins, then how it ended."""
        await audit.write(self.database, self.actor, verb, object, after=after, outcome="begun")
        self.audited = True
        try:
            yield
        except Exception as error:
            told = {"reason": error.detail or error.title if isinstance(error, Problem) else repr(error)}
            await audit.write(self.database, self.actor, verb, object, after=told, outcome="failed")
            raise
        await audit.write(self.database, self.actor, verb, object, after=after)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a table; `more` says whether another follows."""

    items: list[Row]
    number: int
    more: bool

    @staticmethod
    def window(number: int) -> tuple[int, int]:
        """LIMIT and OFFSET to read a page by: one row more than it shows."""
        number = max(1, min(number, 10_000))
        return PAGE_SIZE + 1, (number - 1) * PAGE_SIZE

    @classmethod
    def cut(cls, rows: Sequence[Row], number: int) -> Page[Row]:
        """The page, of rows that were read by its window."""
        return cls(list(rows[:PAGE_SIZE]), max(1, min(number, 10_000)), len(rows) > PAGE_SIZE)


def show(clerk: Clerk, template: str, context: dict[str, Any], *, status: int = 200) -> Response[bytes]:
    """Answer with a page of the back office; a form with errors is shown again with status 422."""
    response = render(template, {"clerk": clerk, **context}, status=status)
    if clerk.flash:
        response.delete_cookie(FLASH, path="/")
    return response


def back(path: str, message: str = "") -> Response[bytes]:
    """After a change: go to the page (a path of this host), which then shows the message once."""
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        raise ValueError(f"{path!r} is not a path of the back office")
    response = Response(b"", status_code=303, headers={"Location": path, "Cache-Control": PRIVATE})
    if message:
        text = message[:LONGEST_FLASH].encode().hex()
        response.set_cookie(
            Cookie(FLASH, value=text, max_age=FLASH_SECONDS, httponly=True, samesite="strict")
        )
    return response


def read_flash(request: Request[Any, Any, Any]) -> str:
    """The message that the last answer left for this page. Who forges one only tells themselves something."""
    try:
        return bytes.fromhex(request.cookies.get(FLASH, ""))[: LONGEST_FLASH * 4].decode()
    except ValueError:
        return ""
