"""`python -m app <command>`: one image, one command per container."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from app.core.logs import set_up_logs
from app.core.settings import Settings, SettingsError, read_settings
from app.keys import command as key_command

COMMANDS = {
    "web": "serve the pages and the API on PORT until SIGTERM",
    "worker": "run jobs and settle pending payments until SIGTERM",
    "release": "bring the database schema to this version",
    "seed": "load the sample catalogue",
    "import": "load FILE, a Shopify product CSV; exit code 3 and the rows when some were refused",
    "export": "write the catalogue to FILE as a Shopify product CSV; - writes to standard output",
    "stock": "make UNITS of VARIANT available at a location, and book the difference",
    "key": "make, list or revoke API keys",
    "login": "make a one-time link for the first administrator, or for one who cannot sign in any more",
    "reconcile": "check every ledger; exit code 1 and the rows when anything is off",
}


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in COMMANDS.items():
        known = commands.add_parser(name, help=text)
        if name == "stock":
            known.add_argument("variant", type=int, help="the variant's id")
            known.add_argument("units", type=int, help="units that shall be available")
            known.add_argument("--location", default="main", help="the location's code (%(default)s)")
        elif name in ("import", "export"):
            known.add_argument("file", type=Path, help="the CSV file")
        elif name == "key":
            key_command.add_arguments(known)
        elif name == "login":
            known.add_argument("--email", help="which administrator, if there are several")
    given = parser.parse_args(arguments)
    command = given.command
    try:
        settings = read_settings(release=command not in ("web", "worker"))
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"app {command}: {line}", file=sys.stderr)
        return 2
    set_up_logs()
    if command == "stock":
        from app.inventory import command as stock

        return asyncio.run(stock.set_units(settings, given.variant, given.units, given.location))
    if command == "key":
        return asyncio.run(key_command.run(settings, given))
    if command == "login":
        from app.backoffice import login

        return asyncio.run(login.run(settings, given.email))
    if command in ("import", "export"):
        from app.catalog import exporter, importer

        run = importer.run if command == "import" else exporter.run
        return asyncio.run(run(settings, given.file))
    return _run(command, settings)


def _run(command: str, settings: Settings) -> int:
    """Import only what the command needs: a release must not fail over a template."""
    if command == "web":
        from app import web

        web.run(settings)
    elif command == "worker":
        from app import worker

        asyncio.run(worker.run(settings))
    elif command == "release":
        from app import release

        try:
            release.run(settings)
        except release.ReleaseError as error:
            print(f"app release: {error}", file=sys.stderr)
            return 1
    elif command == "seed":
        from app.sample import seed

        return asyncio.run(seed.run(settings))
    else:
        from app import reconcile

        return asyncio.run(reconcile.run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
