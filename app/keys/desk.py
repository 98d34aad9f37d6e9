"""Desk screens of API keys: the list, making one, revoking one."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice.forms import Form
from app.backoffice.frame import Area, Clerk, Entry, Section, back, changes, reads, show
from app.core.database import Database
from app.core.problems import NotFound
from app.keys import service
from app.keys.service import EXPLAINED, PER_MINUTE, Scope


@get("/keys", opt=reads(Area.KEYS))
async def list_keys(clerk: Clerk, database: Database) -> Response[bytes]:
    """Every key, without its secret."""
    return await _keys_page(clerk, database, Form({"per_minute": PER_MINUTE, "days": 365}))


@post("/keys", opt=changes(Area.KEYS), status_code=200)
async def create_key(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    """Make a key, and show it this once."""
    name, scopes = form.text("name", most=100), form.choices("scopes", Scope)
    per_minute = form.integer("per_minute", least=1, most=100_000)
    days = form.integer("days", least=1, most=3650) if form.text("days", least=0) else None
    if not scopes:
        form.refuse("scopes", "Choose at least one: a key without a scope opens nothing.")
    if form.errors:
        return await _keys_page(clerk, database, form)
    async with clerk.change("key.create", f"key:{name}") as change:
        key = await service.create_key(
            change.connection,
            name=name,
            scopes=scopes,
            created_by=clerk.email,
            days=days,
            per_minute=per_minute,
        )
        change.after = {"prefix": key.split("_")[1], "scopes": sorted(scopes), "days": days}
    return show(clerk, "keys/desk_key.html", {"key": key, "name": name})


@post("/keys/{prefix:str}/revoke", opt=changes(Area.KEYS))
async def revoke_key(clerk: Clerk, prefix: str) -> Response[bytes]:
    """End a key from its next request on."""
    async with clerk.change("key.revoke", f"key:{prefix}") as change:
        record = await service.revoke_key(change.connection, prefix)
        if record is None:
            raise NotFound(f"There is no key {prefix!r}.")
        change.after = {"name": record.name, "revoked_at": record.revoked_at}
    return back("/keys", f"The key of {record.name} is revoked.")


async def _keys_page(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    context = {"keys": await service.list_keys(database), "form": form, "explained": EXPLAINED}
    return show(clerk, "keys/desk_keys.html", context, status=422 if form.errors else 200)


navigation = [Entry("API keys", "/keys", Area.KEYS, Section.SYSTEM)]
routes: list[ControllerRouterHandler] = [list_keys, create_key, revoke_key]
