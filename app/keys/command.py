"""The command `key`: make, list and revoke API keys where the database can be reached."""

from __future__ import annotations

import argparse
import sys

from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings
from app.keys import service
from app.keys.service import Scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own verbs and options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    create = verbs.add_parser("create", help="make a key and print it, once")
    create.add_argument("--name", required=True, help="whose key it is, such as 'warehouse system'")
    create.add_argument(
        "--scope", action="append", required=True, choices=[str(one) for one in Scope], help="may be repeated"
    )
    create.add_argument("--days", type=int, help="valid for so many days; without it until it is revoked")
    create.add_argument("--per-minute", type=int, default=service.PER_MINUTE, help="most requests a minute")
    verbs.add_parser("list", help="every key, without its secret")
    verbs.add_parser("revoke", help="end a key").add_argument("prefix", help="the key's second part")


async def run(settings: Settings, given: argparse.Namespace) -> int:
    """Carry out the verb; returns the exit code."""
    try:
        async with open_direct(settings, size=1) as database:
            if given.verb == "create":
                key = await service.create_key(
                    database,
                    name=given.name,
                    scopes=given.scope,
                    created_by="command line",
                    days=given.days,
                    per_minute=given.per_minute,
                )
                print(key)
                print("app key: this is the only time that the key is shown", file=sys.stderr)
            elif given.verb == "revoke":
                async with database.connection() as connection:
                    revoked = await service.revoke_key(connection, given.prefix)
                if revoked is None:
                    raise ValueError(f"there is no key with the prefix {given.prefix!r}: see `key list`")
                print(f"key {given.prefix} is revoked")
            else:
                for record in await service.list_keys(database):
                    print(_line(record))
    except (ValueError, Problem) as error:
        print(f"app key: {error}", file=sys.stderr)
        return 1
    return 0


def _line(record: service.KeyRecord) -> str:
    until = f"until {record.expires_at:%Y-%m-%d}" if record.expires_at else ""
    used = f"used {record.last_used_at:%Y-%m-%d %H:%M}" if record.last_used_at else "never used"
    end = "revoked" if record.revoked_at else until
    return "  ".join(
        part for part in (record.prefix, record.name, " ".join(record.scopes), end, used) if part
    )
