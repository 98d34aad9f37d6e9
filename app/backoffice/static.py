"""The back office's own static files, and htmx, which it shares with the shop."""

from __future__ import annotations

from pathlib import Path

from app.website import static_files
from app.website.static_files import StaticFile

FOLDER = Path(__file__).parent / "static"
SHARED = ("htmx.js", "favicon.svg")


def desk_static(name: str) -> str:
    """The address of a file. Raises KeyError."""
    folder = static_files.FOLDER if name in SHARED else FOLDER
    return static_files.static_address(name, folder)


def find_desk_file(address: str) -> tuple[StaticFile, bool] | None:
    """See `static_files.find_static_file`; of the shop's files only what is shared."""
    own = static_files.find_static_file(address, FOLDER)
    if own:
        return own
    shared = static_files.find_static_file(address)
    known = {static_files.static_files()[name].digest for name in SHARED}
    return shared if shared and shared[0].digest in known else None
