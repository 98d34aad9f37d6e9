"""Where the load goes: the store's address, the authority it is trusted by, the key that shoppers sign with.

Read from the stack's outputs, or, where no such stack is known (a worker on another machine), from
STORESTACK_URL, STORESTACK_CA (PEM text) and STORESTACK_SHOPPER_KEY. Load goes to this machine alone: a store
whose name leads elsewhere is refused before the first request.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import ssl
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from time import time
from urllib.parse import urlsplit

# A signature outlives the longest run.
SIGNATURE_SECONDS = 24 * 3600


class TargetError(Exception):
    """The target cannot be loaded; the text says why and what would do."""


@dataclass(frozen=True)
class Target:
    """One store under load. `certificate` is the PEM text of its authority."""

    url: str
    certificate: str
    shopper_key: str

    @cached_property
    def trust(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=self.certificate)
        except ssl.SSLError as error:
            raise TargetError(
                f"the authority's certificate cannot be read ({error}): see `make outputs`"
            ) from error
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def sign(self, address: str) -> dict[str, str]:
        """Headers that make the edge count the request as one from `address`.

        The edge checks the signature with nginx's secure_link, which prescribes MD5 over this very string.
        """
        expires = int(time()) + SIGNATURE_SECONDS
        signed = f"{expires} {address} {self.shopper_key}".encode()
        digest = hashlib.md5(signed, usedforsecurity=False).digest()
        return {
            "X-Shopper-Address": address,
            "X-Shopper-Expires": str(expires),
            "X-Shopper-Signature": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }


def read_target(stack: str) -> Target:
    """The target that the environment names, else the running stack. Raises TargetError."""
    if url := os.environ.get("STORESTACK_URL"):
        missing = [name for name in ("STORESTACK_CA", "STORESTACK_SHOPPER_KEY") if not os.environ.get(name)]
        if missing:
            raise TargetError(f"STORESTACK_URL is {url!r} but {' and '.join(missing)} is not set")
        target = Target(url, os.environ["STORESTACK_CA"], os.environ["STORESTACK_SHOPPER_KEY"])
    else:
        from ci import deployment, outputs

        try:
            found = outputs.read(stack, secrets=True)
        except deployment.DeploymentError as error:
            raise TargetError(f"stack {stack!r}: {error}") from error
        if not found.get("url"):
            raise TargetError(f"stack {stack!r} is not up: run `make up STACK={stack}`")
        target = Target(
            str(found["url"]).rstrip("/"),
            str(found.get("ca_certificate", "")),
            str(found.get("shopper_key", "")),
        )
    check_host(target.url)
    return target


def check_host(url: str) -> None:
    """Refuse a store that is not on this machine. Raises TargetError."""
    host = urlsplit(url).hostname or ""
    try:
        answers = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TargetError(f"the store's address {url!r} has no address of a machine: {error}") from error
    for address in {str(answer[4][0]) for answer in answers}:
        if not ipaddress.ip_address(address).is_loopback:
            raise TargetError(f"the store's address {url!r} leads to {address}: load goes only to 127.0.0.1")
