"""Staff: one-time links, sign-in with two factors, roles. Every verb is audited in its own transaction."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import asyncpg

from app.backoffice import audit, factors, queries
from app.backoffice.audit import Actor
from app.backoffice.roles import Role
from app.core.database import Connection, Database
from app.core.problems import Invalid, NotFound, Problem

LINK_MINUTES = 15
# An invitation travels by mail or chat to somebody who may be at lunch.
INVITATION_MINUTES = 24 * 60

# The same words whatever did not fit.
REFUSED = Problem(
    401,
    "sign-in-refused",
    "That did not work",
    "E-mail address, password and code do not fit together. A code is good once: wait for the next one.",
)


@dataclass(frozen=True)
class Member:
    """Somebody who works here."""

    id: int
    email: str
    name: str
    roles: frozenset[Role]
    session_epoch: int
    disabled_at: datetime | None
    signed_in_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Link:
    """A one-time link that is still good, and what it is for."""

    id: int
    purpose: str
    staff_id: int | None
    email: str
    name: str | None
    roles: frozenset[Role]
    totp_nonce: bytes


@dataclass(frozen=True, repr=False)
class Credentials:
    """What somebody signs in with; `code` is of the app, or a recovery code."""

    email: str
    password: str
    code: str


@dataclass(frozen=True)
class Wanted:
    """A link to be made: to become staff (`email`, `roles`), or for a member to set up their sign-in anew."""

    purpose: str
    minutes: int
    email: str = ""
    roles: Sequence[Role] = ()
    staff_id: int | None = None


@dataclass(frozen=True, repr=False)
class SetUp:
    """What a new member gives, checked by the screen."""

    name: str
    email: str
    password: str
    code: str


@dataclass(frozen=True)
class SignedIn:
    """Whose session may begin, and the recovery codes to show once after a set-up."""

    staff_id: int
    epoch: int
    recovery_codes: list[str]


async def read_member(database: Database, staff_id: int) -> Member | None:
    row = await database.fetchrow(queries.MEMBER, staff_id)
    return _member(row) if row else None


async def list_members(database: Database) -> list[Member]:
    return [_member(row) for row in await database.fetch(queries.MEMBERS)]


async def list_invitations(database: Database) -> list[dict[str, Any]]:
    """Invitations that somebody may still take."""
    return [dict(row) for row in await database.fetch(queries.OPEN_INVITATIONS)]


async def count_recovery_codes(database: Database, staff_id: int) -> int:
    return int(await database.fetchval(queries.COUNT_RECOVERY_CODES, staff_id))


async def sign_in(database: Database, session_key: bytes, given: Credentials, address: str) -> SignedIn:
    """Check both factors and use the code up. Raises REFUSED, without saying what was wrong."""
    row = await database.fetchrow(queries.CREDENTIALS, given.email)
    fits = await factors.is_password(row["password"] if row else None, given.password)
    actor = Actor(row["id"] if row else None, row["email"] if row else "unknown", address)
    epoch = None
    if row and fits and row["disabled_at"] is None:
        step = factors.find_step(factors.totp_secret(session_key, row["totp_nonce"]), given.code)
        async with database.transaction() as connection:
            if step is not None:
                epoch = await connection.fetchval(queries.USE_STEP, row["id"], step)
            else:
                hashed = factors.hash_recovery_code(given.code)
                epoch = await connection.fetchval(queries.USE_RECOVERY_CODE, row["id"], hashed)
            if epoch is not None:
                way = {"with": "recovery code" if step is None else "code"}
                await audit.write(connection, actor, "staff.sign-in", f"staff:{row['id']}", after=way)
    if row is None or epoch is None:
        name = f"staff:{row['id']}" if row else "staff:unknown"
        await audit.write(database, actor, "staff.sign-in", name, outcome="failed")
        raise REFUSED
    return SignedIn(row["id"], epoch, [])


async def make_first_link(database: Database, email: str | None) -> tuple[str, str]:
    """A link for the first administrator or, once there is one, to get an administrator back in.

    Returns the token and whom it is for. Raises Problem when it is not clear for whom.
    """
    actor = Actor(None, "make login", "this machine")
    async with database.transaction() as connection:
        await connection.execute(queries.LOCK_STAFF)
        found = {row["email"].lower(): row for row in await connection.fetch(queries.ADMINISTRATORS)}
        if not found:
            token = await _add_link(
                connection, actor, Wanted("first", LINK_MINUTES, roles=[Role.ADMINISTRATOR])
            )
            return token, "the first administrator"
        if email is None and len(found) > 1:
            known = ", ".join(row["email"] for row in found.values())
            detail = f"Say whose sign-in to renew, with EMAIL=…: {known}."
            raise Problem(409, "which-administrator", "There are several administrators", detail)
        row = found.get(email.lower()) if email else next(iter(found.values()))
        if row is None:
            known = ", ".join(row["email"] for row in found.values())
            raise NotFound(f"{email!r} is no administrator's address: use one of {known}.")
        token = await _add_link(
            connection, actor, Wanted("recover", LINK_MINUTES, row["email"], staff_id=row["id"])
        )
        return token, row["email"]


async def invite(database: Database, actor: Actor, email: str, roles: Sequence[Role]) -> str:
    """The token of an invitation; an earlier one to the same address is void. Raises Invalid."""
    if await database.fetchrow(queries.CREDENTIALS, email):
        raise Invalid({"email": f"{email} is a member of staff already."})
    if not roles:
        raise Invalid({"roles": "Choose at least one role."})
    async with database.transaction() as connection:
        return await _add_link(connection, actor, Wanted("invite", INVITATION_MINUTES, email, roles))


async def renew(database: Database, actor: Actor, staff_id: int) -> str:
    """The token of a link with which a member sets password and second factor anew."""
    member = await read_member(database, staff_id)
    if member is None or member.disabled_at:
        raise NotFound(f"There is no active member of staff {staff_id}.")
    async with database.transaction() as connection:
        return await _add_link(
            connection, actor, Wanted("recover", LINK_MINUTES, member.email, staff_id=staff_id)
        )


async def withdraw(database: Database, actor: Actor, link_id: int) -> str:
    """Make an invitation void; returns whose it was."""
    async with database.transaction() as connection:
        email = await connection.fetchval(queries.VOID_LINK, link_id)
        if email is None:
            raise NotFound("This invitation has been used, or there is none.")
        await audit.write(connection, actor, "staff.withdraw", f"invitation:{email}")
    return str(email)


async def read_link(database: Database, token: str) -> Link:
    """What a link is for, without using it. Raises Problem 410 when it is used, void or too old."""
    row = await database.fetchrow(queries.LINK, factors.hash_token(token))
    return _link(row)


async def redeem(database: Database, session_key: bytes, token: str, given: SetUp, address: str) -> SignedIn:
    """Use a link up: make the member, or give one new factors. Of several at once, one succeeds.

    Raises Invalid on a wrong code or taken address (the link stays good), 410 when the link is not good.
    """
    password = await factors.hash_password(given.password)
    codes = factors.new_recovery_codes()
    async with database.transaction() as connection:
        link = _link(await connection.fetchrow(queries.USE_LINK, factors.hash_token(token)))
        step = factors.find_step(factors.totp_secret(session_key, link.totp_nonce), given.code)
        if step is None:
            raise Invalid({"code": "This code does not fit: type the one that the app shows now."})
        if link.purpose == "recover":
            row = await connection.fetchrow(
                queries.RESET_MEMBER, link.staff_id, password, link.totp_nonce, step
            )
            verb, email = "staff.recover", link.email
        else:
            if link.purpose == "first":
                await connection.execute(queries.LOCK_STAFF)
                if await connection.fetch(queries.ADMINISTRATORS):
                    _void()
            email = link.email or given.email
            roles = sorted(link.roles)
            row = await connection.fetchrow(
                queries.ADD_MEMBER, email, given.name, roles, password, link.totp_nonce, step
            )
            verb = "staff.join"
            if row is None:
                raise Invalid({"email": f"{email} is a member of staff already: use another address."})
        if row is None:
            _void()
        await connection.execute(queries.CLEAR_RECOVERY_CODES, row["id"])
        hashes = [factors.hash_recovery_code(code) for code in codes]
        await connection.execute(queries.ADD_RECOVERY_CODES, row["id"], hashes)
        actor = Actor(row["id"], email, address)
        after = {"email": email, "roles": sorted(link.roles)} if link.roles else None
        await audit.write(connection, actor, verb, f"staff:{row['id']}", after=after)
    return SignedIn(row["id"], row["session_epoch"], codes)


async def set_roles(connection: Connection, staff_id: int, roles: Sequence[Role]) -> None:
    """Give a member these roles, from the next request on. Raises Problem for the last administrator."""
    if not roles:
        raise Invalid({"roles": "Choose at least one role."})
    if Role.ADMINISTRATOR not in roles:
        await _keep_an_administrator(connection, staff_id)
    await connection.execute(queries.SET_ROLES, staff_id, sorted(roles))


async def disable(connection: Connection, staff_id: int) -> None:
    """Sign a member out everywhere, for good. Raises Problem for the last administrator."""
    await _keep_an_administrator(connection, staff_id)
    await connection.execute(queries.DISABLE, staff_id)


async def enable(connection: Connection, staff_id: int) -> None:
    """Let a member sign in again, with the factors they had."""
    await connection.execute(queries.ENABLE, staff_id)


async def end_sessions(connection: Connection, staff_id: int) -> None:
    """Sign a member out everywhere."""
    await connection.execute(queries.END_SESSIONS, staff_id)


async def _keep_an_administrator(connection: Connection, staff_id: int) -> None:
    others = [row for row in await connection.fetch(queries.LOCK_ADMINISTRATORS) if row["id"] != staff_id]
    if not others:
        raise Problem(
            409, "last-administrator", "The last administrator stays",
            "Make somebody else an administrator first; otherwise nobody could manage the staff.",
        )  # fmt: skip


async def _add_link(connection: Connection, actor: Actor, wanted: Wanted) -> str:
    token = secrets.token_urlsafe(32)
    await connection.execute(queries.VOID_LINKS, wanted.purpose, wanted.staff_id, wanted.email)
    await connection.execute(
        queries.ADD_LINK,
        factors.hash_token(token),
        wanted.purpose,
        wanted.staff_id,
        wanted.email,
        sorted(wanted.roles),
        factors.new_nonce(),
        actor.who,
        wanted.minutes,
    )
    object = f"staff:{wanted.staff_id}" if wanted.staff_id else f"invitation:{wanted.email or 'first'}"
    after: dict[str, Any] = {"purpose": wanted.purpose, "minutes": wanted.minutes}
    if wanted.roles:
        after["roles"] = sorted(wanted.roles)
    await audit.write(connection, actor, "staff.link", object, after=after)
    return token


def _void() -> NoReturn:
    raise Problem(
        410, "link-void", "This link is not good any more",
        "It was used, replaced by a newer one, or is too old. Ask for another (the first one: `make login`).",
    )  # fmt: skip


def _link(row: asyncpg.Record | None) -> Link:
    if row is None:
        _void()
    return Link(**{**dict(row), "roles": frozenset(map(Role, row["roles"]))})


def _member(row: Mapping[str, Any]) -> Member:
    return Member(**{**dict(row), "roles": frozenset(map(Role, row["roles"]))})
