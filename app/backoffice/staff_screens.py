"""Staff: who works here, invitations, roles, and each member's own sign-ins."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from app.backoffice import staff
from app.backoffice.forms import Form
from app.backoffice.frame import OWN, Area, Clerk, back, changes, reads, show
from app.backoffice.roles import EXPLAINED, Role
from app.core.database import Database
from app.core.problems import Invalid, NotFound
from app.core.settings import Settings


@get("/staff", opt=reads(Area.STAFF))
async def list_staff(clerk: Clerk, database: Database) -> Response[bytes]:
    return await _staff_page(clerk, database, Form())


@post("/staff/invitations", opt=changes(Area.STAFF), status_code=200)
async def invite(clerk: Clerk, database: Database, settings: Settings, form: Form) -> Response[bytes]:
    """Make a one-time link for a new member, shown once to hand on."""
    email, roles = form.email("email"), form.choices("roles", Role)
    if not form.errors:
        try:
            token = await staff.invite(database, clerk.actor, email, roles)
        except Invalid as invalid:
            for fault in invalid.extra["errors"]:
                form.refuse(fault["field"], fault["message"])
        else:
            clerk.audited = True
            return _link_page(clerk, settings, token, email, staff.INVITATION_MINUTES)
    return await _staff_page(clerk, database, form)


@post("/staff/invitations/{link:int}/withdraw", opt=changes(Area.STAFF))
async def withdraw(clerk: Clerk, database: Database, link: int) -> Response[bytes]:
    """Make an invitation void."""
    email = await staff.withdraw(database, clerk.actor, link)
    clerk.audited = True
    return back("/staff", f"The invitation of {email} is void.")


@get("/staff/{member:int}", opt=reads(Area.STAFF))
async def show_member(clerk: Clerk, database: Database, member: int) -> Response[bytes]:
    found = await _find(database, member)
    form = Form({"roles": sorted(found.roles)})
    return show(clerk, "backoffice/member.html", {"member": found, "form": form, "explained": EXPLAINED})


@post("/staff/{member:int}/roles", opt=changes(Area.STAFF))
async def set_roles(clerk: Clerk, database: Database, form: Form, member: int) -> Response[bytes]:
    """Change what a member may do, from their next request on."""
    roles = form.choices("roles", Role)
    form.check()
    found = await _find(database, member)
    async with clerk.change("staff.roles", f"staff:{member}") as change:
        change.before, change.after = {"roles": sorted(found.roles)}, {"roles": sorted(roles)}
        await staff.set_roles(change.connection, member, roles)
    return back(f"/staff/{member}", f"{found.name} is now {', '.join(sorted(roles))}.")


@post("/staff/{member:int}/{verb:str}", opt=changes(Area.STAFF), status_code=200)
async def act(
    clerk: Clerk, database: Database, settings: Settings, member: int, verb: str
) -> Response[bytes]:
    """Disable, enable, sign out everywhere, or renew the sign-in."""
    found = await _find(database, member)
    if verb == "renew":
        token = await staff.renew(database, clerk.actor, member)
        clerk.audited = True
        return _link_page(clerk, settings, token, found.email, staff.LINK_MINUTES)
    if verb not in VERBS:
        raise NotFound(f"There is no verb {verb!r} for a member of staff.")
    do, message = VERBS[verb]
    async with clerk.change(f"staff.{verb}", f"staff:{member}") as change:
        await do(change.connection, member)
    return back(f"/staff/{member}", message.format(name=found.name))


@get("/account", opt=reads(Area.DASHBOARD))
async def show_account(clerk: Clerk, database: Database) -> Response[bytes]:
    """One's own name, roles and recovery codes left."""
    left = await staff.count_recovery_codes(database, clerk.id)
    return show(clerk, "backoffice/account.html", {"left": left, "explained": EXPLAINED})


@post("/account/sign-out-everywhere", opt=OWN)
async def end_own_sessions(clerk: Clerk) -> Response[bytes]:
    """End every session of one's own, this one too."""
    async with clerk.change("staff.sign-out-everywhere", f"staff:{clerk.id}") as change:
        await staff.end_sessions(change.connection, clerk.id)
    return back("/login")


async def _find(database: Database, member: int) -> staff.Member:
    found = await staff.read_member(database, member)
    if found is None:
        raise NotFound(f"There is no member of staff {member}.")
    return found


async def _staff_page(clerk: Clerk, database: Database, form: Form) -> Response[bytes]:
    context = {
        "members": await staff.list_members(database),
        "invitations": await staff.list_invitations(database),
        "form": form,
        "explained": EXPLAINED,
    }
    return show(clerk, "backoffice/staff.html", context, status=422 if form.errors else 200)


def _link_page(clerk: Clerk, settings: Settings, token: str, email: str, minutes: int) -> Response[bytes]:
    address = f"{settings.back_office_url}/welcome?token={token}"
    return show(clerk, "backoffice/link.html", {"address": address, "email": email, "minutes": minutes})


VERBS = {
    "disable": (staff.disable, "{name} cannot sign in any more."),
    "enable": (staff.enable, "{name} can sign in again."),
    "sign-out": (staff.end_sessions, "{name} is signed out everywhere."),
}

routes: list[ControllerRouterHandler] = [
    list_staff,
    invite,
    withdraw,
    show_member,
    set_roles,
    act,
    show_account,
    end_own_sessions,
]
