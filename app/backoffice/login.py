"""`python -m app login`: prints a one-time link to the back office, for who can run commands here."""

from __future__ import annotations

import sys

from app.backoffice import staff
from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings


async def run(settings: Settings, email: str | None) -> int:
    """Make the link and print it, alone on standard output; returns the exit code."""
    if settings.back_office_url is None:
        print("app login: BACK_OFFICE_URL is not set: give it the back office's address", file=sys.stderr)
        return 2
    try:
        async with open_direct(settings, size=1) as database:
            token, whose = await staff.make_first_link(database, email)
    except Problem as problem:
        print(f"app login: {problem.title}: {problem.detail}", file=sys.stderr)
        return 1
    print(f"For {whose}, good for {staff.LINK_MINUTES} minutes and once:", file=sys.stderr)
    print(f"{settings.back_office_url}/welcome?token={token}")
    return 0
