"""The last look: the released stack as a shopper finds it, through the edge; then its first pages made warm.

Each web container was tested before it took traffic; this is about all of it together.
"""

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from ci.deployment import DeploymentError

# The contract's own, which any store has.
PATHS: Final = ("/health/ready", "/info", "/")
TRIES: Final = 5
SECONDS: Final = 15
# What a first wave of shoppers opens; more would only wear out the cache.
WARM: Final = 40
LINK: Final = re.compile(rb'href="(/[^"#?]*)"')


def context(outputs: dict[str, Any]) -> ssl.SSLContext:
    """Trust in the stack's own authority, or in the public ones where it has none."""
    return ssl.create_default_context(cadata=outputs.get("ca_certificate") or None)


def fetch(outputs: dict[str, Any], path: str) -> bytes:
    """The body of a page. Raises OSError when it is no 2xx."""
    address = str(outputs["url"]).rstrip("/") + path
    request = urllib.request.Request(address, headers={"User-Agent": "storestack-release"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=SECONDS, context=context(outputs)) as answer:  # noqa: S310
        return bytes(answer.read())


def test(outputs: dict[str, Any]) -> None:
    """Raises DeploymentError with the first page that does not answer."""
    for path in PATHS:
        for left in reversed(range(TRIES)):
            try:
                fetch(outputs, path)
                break
            except (OSError, urllib.error.URLError) as error:
                if not left:
                    raise DeploymentError(f"smoke test: {path} of {outputs['url']} failed: {error}") from None
                time.sleep(1)


def warm(outputs: dict[str, Any]) -> int:
    """Ask for the home page and what it links to, at a rate that the limits allow; how many answered."""
    answered = 0
    for path in pages(outputs):
        try:
            fetch(outputs, path)
            answered += 1
        except (OSError, urllib.error.URLError):
            # A page that needs more than a link to answer is not one to keep warm.
            continue
        time.sleep(0.06)
    return answered


def pages(outputs: dict[str, Any]) -> Iterator[str]:
    try:
        home = fetch(outputs, "/")
    except (OSError, urllib.error.URLError):
        return
    found = dict.fromkeys(link.decode(errors="replace") for link in LINK.findall(home))
    yield from list(found)[:WARM]
