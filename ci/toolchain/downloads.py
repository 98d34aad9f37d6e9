"""Official downloads: skipped within seconds when they are out of reach, never used unchecked."""

# ruff: noqa: S310 — every request is made by _ask, which takes https alone.

import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from pathlib import Path

# A blocked name fails at once; a firewall that drops packets costs this long.
REACH_SECONDS = 4.0
# Between two blocks of a download that has begun.
STALL_SECONDS = 60.0


class UnreachableError(Exception):
    """The server cannot be reached, or has no such file."""


class ChecksumError(Exception):
    """What came is not what the release lists. This is never worked around."""


def is_reachable(url: str) -> bool:
    """Says whether the server answers at all, with whatever status, through the proxy the machine uses."""
    try:
        with urllib.request.urlopen(_ask(url, "HEAD"), timeout=REACH_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def fetch_text(url: str) -> str:
    """Returns a small text file."""
    try:
        with urllib.request.urlopen(_ask(url), timeout=REACH_SECONDS) as answer:
            body: bytes = answer.read()
            return body.decode()
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: {getattr(error, 'reason', error)}") from error


def fetch_file(url: str, sha256: str, file: Path) -> None:
    """Downloads a file and compares it with its checksum (hexadecimal)."""
    try:
        with urllib.request.urlopen(_ask(url), timeout=STALL_SECONDS) as answer, file.open("wb") as out:
            shutil.copyfileobj(answer, out, 1 << 20)
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: {getattr(error, 'reason', error)}") from error
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        raise ChecksumError(f"{url} has the checksum {found}, its release lists {sha256}")


def parse_checksums(text: str) -> dict[str, str]:
    """Returns {file name: checksum} of a list as `sha256sum` writes it."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {pair[1].lstrip("*").strip(): pair[0].lower() for pair in pairs if len(pair) == 2}


def _ask(url: str, method: str = "GET") -> urllib.request.Request:
    if not url.startswith("https://"):
        raise ValueError(f"official downloads come over TLS only, not from {url!r}")
    return urllib.request.Request(url, method=method, headers={"User-Agent": "storestack-toolchain"})
