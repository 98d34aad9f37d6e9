"""The certificate authority of a managed database, which no system trusts by itself: fetched once, by TLS."""

from __future__ import annotations

import ssl
import tempfile
import urllib.request
from pathlib import Path

SECONDS = 10
MOST_BYTES = 1_000_000


class AuthorityError(Exception):
    """The bundle cannot be had; the message says why."""


def fetch_authority(url: str) -> Path:
    """Write the PEM bundle at `url`, and what the system trusts, into a file of this container's.

    Both, since a managed pooler before the database has a public certificate. Raises AuthorityError.
    """
    if not url.startswith("https://"):
        raise AuthorityError("it must be an address that starts with https://")
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310
            pem = answer.read(MOST_BYTES)
        ssl.create_default_context(cadata=pem.decode())
    except OSError as error:
        # Also what is no certificate: ssl.SSLError is an OSError.
        raise AuthorityError(f"no certificates can be had there: {error}") from error
    except ValueError as error:
        raise AuthorityError("what is there is no PEM file") from error
    with tempfile.NamedTemporaryFile(prefix="database-ca-", suffix=".pem", delete=False) as file:
        known = ssl.get_default_verify_paths().cafile
        file.write(pem + b"\n" + (Path(known).read_bytes() if known else b""))
    return Path(file.name)
