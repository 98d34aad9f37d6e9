"""How anybody under load asks the store: with an address of their own, and an answer that is looked at."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, ClassVar
from urllib.parse import urlencode

import gevent
import msgspec

from loadtests.session import LeanUser, Sent
from loadtests.target import Target

PAGE = "</html>"
# The bank, the page that it sends back to, the order: no shopper is led on for longer.
MOST_REDIRECTS = 5
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Odd(Exception):  # noqa: N818
    """The answer is not what the visitor came for; the visit ends."""


class Visitor(LeanUser):
    """One visit after the other, each by somebody new."""

    abstract = True
    target: ClassVar[Target]
    numbers: ClassVar[Iterator[int]] = count()

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.signature: dict[str, str] = {}
        self.random = random.Random()  # noqa: S311
        self.intended: float | None = None

    def trust(self) -> ssl.SSLContext:
        """The stack's authority and no other; one for all, since making one takes as long as ten requests."""
        return self.target.trust

    def come(self) -> None:
        """Be somebody new, with an address and a connection of their own, and nothing in the browser."""
        number = next(self.numbers)
        self.client.forget()
        self.signature = self.target.sign(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")

    def context(self) -> dict[str, Any]:
        """What Locust hands to who records a request: for the first of a visit, when it was meant to be."""
        intended, self.intended = self.intended, None
        return {"intended": intended}

    def read_page(self, group: str, path: str, *, holds: str = "", name: str | None = None) -> str:
        """A page that is whole and holds that text."""
        with self.ask("GET", group, path, name=name or f"/{group}") as response:
            text = response.text
            if PAGE not in text:
                response.failure("the page is not whole")
                raise Odd
            if holds not in text:
                response.failure(f"the page has no {holds!r}")
                raise Odd
        return text

    def send_form(
        self, group: str, path: str, fields: Mapping[str, str], *, status: int = 303, name: str | None = None
    ) -> tuple[str, str]:
        """Where the answer leads, within this store, and its text."""
        with self.ask("POST", group, path, status=status, name=name, data=dict(fields)) as response:
            return self.locate(response), response.text

    def locate(self, response: Sent) -> str:
        """The path that an answer leads to; another host's is refused: load goes nowhere else."""
        where = response.headers.get("location", "")
        if where.startswith("/") or not where:
            return where
        if not where.startswith(f"{self.target.url}/"):
            response.failure(f"leads to {where.split('?', maxsplit=1)[0]}, which is not this store")
            raise Odd
        return where.removeprefix(self.target.url)

    def call(
        self,
        method: str,
        group: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """The document that the API answers with; empty for an answer without one."""
        with self.ask(method, group, path, name=name, json=body, headers=headers, status=status) as response:
            try:
                document: dict[str, Any] = msgspec.json.decode(response.content or b"{}")
            except msgspec.DecodeError:
                response.failure("the answer is not JSON")
                raise Odd from None
        return document

    @contextmanager
    def ask(
        self,
        method: str,
        group: str,
        path: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        data: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Iterator[Sent]:
        """One request, which fails unless it is answered as wanted: with `status`, else with any 2xx."""
        body, kind = None, {}
        if data is not None:
            body, kind = urlencode(data).encode(), FORM
        elif json is not None:
            body, kind = msgspec.json.encode(json), JSON
        sent = self.client.send(
            method,
            path,
            name or path.split("?", maxsplit=1)[0],
            {**self.signature, **kind, **(headers or {})},
            body,
            group=group,
        )
        with sent as response:
            if response.error is not None:
                raise Odd
            if status is not None and response.status_code == status:
                response.success()
            elif status is not None or not 200 <= response.status_code < 300:
                response.failure(f"{response.status_code} instead of {status or '200 to 299'}")
                raise Odd
            yield response

    def choose(self, weights: Mapping[str, float]) -> str:
        """One of the names, as often as its weight says."""
        return self.random.choices(list(weights), list(weights.values()))[0]

    def pause(self, seconds: float) -> None:
        """Think for so long on average."""
        if seconds:
            gevent.sleep(self.random.expovariate(1 / seconds))


Visit = Callable[[Any], object]
