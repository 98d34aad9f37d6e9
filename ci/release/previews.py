"""Previews: stacks with a time to live, such as one per pull request, and their end.

`make up STACK=pr-123` brings one up beside the others, with ports and data of its own. A stack named
`pr-<number>` is a preview by its name, any other that `make up` made becomes one by TTL=. `make expire`
removes those that are past their time. What has settings of its own, `local` first of all, is never one.
"""

import argparse
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from ci import deployment, environments
from ci.deployment import DeploymentError

FILE: Final = "preview.json"
PULL_REQUEST: Final = re.compile(r"pr-\d+")
# A pull request that nobody has touched for three days can have another preview when somebody does.
LIFETIME: Final = "72h"
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Preview:
    stack: str
    expires: datetime

    def is_over(self, now: datetime) -> bool:
        return self.expires <= now


def parse(text: str) -> timedelta:
    """A time to live, such as 90m, 72h or 7d. Raises DeploymentError for any other words."""
    found = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise DeploymentError(
            f'TTL: "{text}" does not do: use minutes, hours or days, such as 90m, 72h or 7d'
        )
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def path(stack: str) -> Path:
    return deployment.STATE / stack / FILE


def is_made(stack: str) -> bool:
    """Whether the stack's file of settings is one that `make up` wrote, and nobody's own."""
    file = environments.path(stack)
    return file.exists() and file.read_text(encoding="utf-8").startswith(environments.FILE.split("{", 1)[0])


def note(stack: str, lifetime: str) -> None:
    """Start the stack's time to live anew, if it has one or is to have one. Raises DeploymentError."""
    if lifetime and not is_made(stack):
        raise DeploymentError(
            f"{stack} has settings of its own, so it is no preview: leave TTL out, or name another stack"
        )
    if not lifetime:
        lifetime = usual_lifetime(stack)
    if not lifetime:
        return
    expires = datetime.now(UTC) + parse(lifetime)
    path(stack).parent.mkdir(parents=True, exist_ok=True)
    words = {"lifetime": lifetime, "expires": expires.isoformat(timespec="seconds")}
    path(stack).write_text(json.dumps(words) + "\n", encoding="utf-8")
    print(f"  {stack} is a preview: `make expire` removes it after {words['expires']}")


def usual_lifetime(stack: str) -> str:
    """What the stack was given before, or what its name gives it; nothing for one that stays."""
    if is_preview(stack):
        return str(json.loads(path(stack).read_text(encoding="utf-8"))["lifetime"])
    return LIFETIME if PULL_REQUEST.fullmatch(stack) and is_made(stack) else ""


def is_preview(stack: str) -> bool:
    return path(stack).exists() and is_made(stack)


def find() -> list[Preview]:
    """Every preview of this checkout."""
    return [
        Preview(file.parent.name, datetime.fromisoformat(json.loads(file.read_text())["expires"]))
        for file in sorted(deployment.STATE.glob(f"*/{FILE}"))
        if is_made(file.parent.name)
    ]


def expire(now: datetime, *, dry_run: bool) -> int:
    """Remove previews that are past their time, with their data. Returns the number that could not be."""
    from ci.down import take_down

    failed = 0
    for preview in find():
        if not preview.is_over(now):
            print(f"{preview.stack} stays until {preview.expires.isoformat()}")
            continue
        if dry_run:
            print(f"{preview.stack} is over since {preview.expires.isoformat()}, and would be removed")
            continue
        try:
            take_down(preview.stack, delete=True)
        except DeploymentError as error:
            deployment.report(error)
            failed += 1
    return failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say which")


def run(arguments: argparse.Namespace) -> int:
    return 1 if expire(datetime.now(UTC), dry_run=arguments.dry_run) else 0
