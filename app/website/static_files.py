"""Static files under addresses that change with their content, so that a browser may keep them for good."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Cache-Control of an address that names its content.
FOREVER = "public, max-age=31536000, immutable"
FOLDER = Path(__file__).parent / "static"

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_ADDRESS = re.compile(r"(?P<stem>[a-z0-9_-]+)\.(?P<digest>[0-9a-f]{12})(?P<suffix>\.[a-z0-9]+)")


@dataclass(frozen=True)
class StaticFile:
    """A file of `static/`, read once."""

    content: bytes
    media_type: str
    digest: str


@cache
def static_files(folder: Path = FOLDER) -> dict[str, StaticFile]:
    """Every file that pages may refer to, by name."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            files[path.name] = StaticFile(content, _TYPES[path.suffix], digest)
    return files


def static_address(name: str, folder: Path = FOLDER) -> str:
    """The address of a file: `site.css` → `/static/site.<digest>.css`. Raises KeyError."""
    path = Path(name)
    return f"/static/{path.stem}.{static_files(folder)[name].digest}{path.suffix}"


def find_static_file(address: str, folder: Path = FOLDER) -> tuple[StaticFile, bool] | None:
    """The file at the last part of an address, and whether the address is of exactly this content.

    It may be of another: during a release, the old version is asked for files that pages of the new one name.
    """
    found = _ADDRESS.fullmatch(address)
    file = static_files(folder).get(f"{found['stem']}{found['suffix']}") if found else None
    return (file, file.digest == found["digest"]) if found and file else None
