"""Where the load goes: the store's address, the authority it is trusted by, the key that shoppers sign with.

Read from the stack's outputs, or, where no such stack is known (a worker on another machine), from
STORESTACK_URL, STORESTACK_CA (PEM text), STORESTACK_SHOPPER_KEY and STORESTACK_LOAD_HOSTS. Load goes only to
the hosts that the environment's setting `loadtests:hosts` lists (127.0.0.1 where it lists none): a store
whose name leads elsewhere is refused before the first request.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from time import time
from urllib.parse import urlsplit

# A signature outlives the longest run.
SIGNATURE_SECONDS = 24 * 3600
# Where load may go when nobody has said anything else.
HOSTS = ("127.0.0.1",)
# What names the key of those who are no shoppers; `make load` makes one for each run.
KEY = "STORESTACK_API_KEY"


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
        if not self.certificate.strip():
            raise TargetError(
                f"no authority's certificate to trust {self.url} by: run `make up`, or set STORESTACK_CA"
            )
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
        check_host(url, os.environ.get("STORESTACK_LOAD_HOSTS", "").split() or HOSTS)
        return Target(url.rstrip("/"), os.environ["STORESTACK_CA"], os.environ["STORESTACK_SHOPPER_KEY"])
    from ci import deployment, outputs

    hosts = read_hosts(stack)
    try:
        found = outputs.read(stack, secrets=True)
    except deployment.DeploymentError as error:
        raise TargetError(f"stack {stack!r}: {error}") from error
    if not found.get("url"):
        raise TargetError(f"stack {stack!r} is not up: run `make up STACK={stack}`")
    target = Target(
        str(found["url"]).rstrip("/"),
        str(found.get("ca_certificate") or ""),
        str(found.get("shopper_key", "")),
    )
    check_host(target.url, hosts)
    return target


def read_hosts(stack: str) -> Sequence[str]:
    """The hosts that a stack's settings allow load to. Raises TargetError."""
    from ci import environments
    from stacks.settings import SettingsError

    if not environments.path(stack).exists():
        raise TargetError(f"there is no stack {stack!r}: `make up STACK={stack}` makes it")
    try:
        return environments.read(stack).loadtests.hosts
    except SettingsError as error:
        raise TargetError(f"{environments.path(stack).name}: {error.problems[0]}") from error


def check_host(url: str, allowed: Sequence[str] = HOSTS) -> None:
    """Refuse a store that is neither listed by name nor by every address of its name. Raises TargetError."""
    host = urlsplit(url).hostname or ""
    if host in allowed:
        return
    try:
        answers = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TargetError(f"the store's address {url!r} has no address of a machine: {error}") from error
    for address in sorted({str(answer[4][0]) for answer in answers}):
        # ::1 is the same machine's.
        listed = "127.0.0.1" if ipaddress.ip_address(address).is_loopback else address
        if listed not in allowed:
            raise TargetError(
                f"the store's address {url!r} leads to {address}, and load goes only to {' '.join(allowed)}:"
                f" if the store is yours to load, add {host} to the setting loadtests:hosts"
            )
