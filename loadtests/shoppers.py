"""What shoppers do, on Locust: visits drawn from the mix, each a chain of requests with checked answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar
from uuid import uuid4

import gevent
import msgspec
from locust import FastHttpUser

from loadtests.recording import Confirmed
from loadtests.target import Target

ADDRESS = {
    "name": "Robin Example",
    "line1": "1 Market Street",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
}
PAGE = "</html>"


class Weights(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mix: see loadtests/mix.toml for what each number means."""

    visits: dict[str, float]
    payments: dict[str, float]
    think_seconds: float
    terms: list[str]


@dataclass
class Shelf:
    """What there is to look at and to buy, and the orders that the store confirmed to these shoppers."""

    collections: list[str]
    products: list[str]
    variants: list[int]
    confirmed: list[Confirmed] = field(default_factory=list)


class Odd(Exception):  # noqa: N818
    """The answer is not what the shopper came for; the visit ends."""


class Visitor(FastHttpUser):
    """One visit after the other. `serve` waits for the next; see loadtests/locustfile.py."""

    abstract = True
    target: ClassVar[Target]
    weights: ClassVar[Weights]
    shelf: ClassVar[Shelf] = Shelf([], [], [])
    numbers: ClassVar[Iterator[int]] = count()
    insecure = False
    network_timeout = 30.0
    connection_timeout = 10.0

    def __init__(self, environment: Any) -> None:
        # One context for all: making one takes longer than a request.
        type(self).ssl_context_factory = staticmethod(lambda: self.target.trust)
        super().__init__(environment)
        self.signature: dict[str, str] = {}
        self.random = random.Random()  # noqa: S311
        self.intended: float | None = None

    def visit(self) -> None:
        """Come as somebody new, with an address, a connection and a cart of their own, and do one thing."""
        number = next(self.numbers)
        self.client.cookiejar.clear()
        self.client.client.clientpool.close()
        self.signature = self.target.sign(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        names = list(self.weights.visits)
        name = self.random.choices(names, [self.weights.visits[each] for each in names])[0]
        try:
            VISITS[name](self)
        except Odd:
            return

    def browse(self) -> None:
        self._page("home", "/")
        self._think()
        self._page("collection", f"/collections/{self._any(self.shelf.collections)}")
        for _ in range(self.random.randint(1, 3)):
            self._think()
            self._look()

    def search(self) -> None:
        word = self._any(self.weights.terms)
        if self.random.random() < 0.2 and len(word) > 4:  # one in five mistypes
            place = self.random.randrange(1, len(word) - 1)
            word = word[:place] + word[place + 1 :]
        self._page("search", f"/search?q={word}")
        self._think()
        self._look()

    def fill_cart(self) -> str:
        self._look()
        cart = str(self._api("POST", "cart", "/api/v1/carts", {})["id"])
        for _ in range(self.random.choices((1, 2, 3), (6, 3, 1))[0]):
            self._think()
            line = {"variant_id": self._any(self.shelf.variants), "quantity": 1}
            self._api("POST", "cart", f"/api/v1/carts/{cart}/lines", line, name="/api/v1/carts/{id}/lines")
        # A filled cart must not slow the catalogue: it goes on through it.
        self._look()
        return cart

    def buy(self) -> None:
        cart = self.fill_cart()
        self._think()
        where = f"cart_id={cart}&country={ADDRESS['country']}&postcode={ADDRESS['postcode']}"
        rates = self._api("GET", "shipping", f"/api/v1/shipping-rates?{where}")["items"]
        tokens = list(self.weights.payments)
        token = self.random.choices(tokens, [self.weights.payments[each] for each in tokens])[0]
        self._think()
        email = f"shopper-{uuid4().hex}@example.com"
        body = {
            "cart_id": cart,
            "email": email,
            "shipping_address": ADDRESS,
            "shipping_method": rates[0]["id"],
            "payment": {"token": token},
        }
        wanted = {"tok_declined": 402, "tok_3ds": 202}.get(token, 201)
        key = {"Idempotency-Key": uuid4().hex}
        answer = self._api("POST", "checkout", "/api/v1/checkouts", body, headers=key, status=wanted)
        if token == "tok_3ds":  # noqa: S105
            self._confirm_at_the_bank(str(answer["next_action"]["url"]))
            answer = self._api("POST", "checkout", "/api/v1/checkouts", body, headers=key)
        if token != "tok_declined":  # noqa: S105
            order = answer["order"]
            self.shelf.confirmed.append(Confirmed(str(order["number"]), int(order["total"]["amount"]), email))
            path = f"/api/v1/orders/{order['number']}?token={order['token']}"
            seen = self._api("GET", "order", path, name="/api/v1/orders/{number}")
            if seen["number"] != order["number"]:
                raise Odd

    def context(self) -> dict[str, Any]:
        """What Locust hands to who records a request: for the first of a visit, when it was meant to be."""
        intended, self.intended = self.intended, None
        return {"intended": intended}

    def _look(self) -> None:
        self._page("product", f"/products/{self._any(self.shelf.products)}")

    def _page(self, group: str, path: str) -> None:
        name = path.split("?", maxsplit=1)[0] if group == "search" else f"/{group}"
        with self._request("GET", group, path, name=name) as response:
            if response.status_code == 200 and PAGE not in (response.text or ""):
                response.failure("the page is not whole")

    def _api(
        self,
        method: str,
        group: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        status: int | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        with self._request(
            method, group, path, name=name, body=body, headers=headers, status=status
        ) as response:
            try:
                document: dict[str, Any] = msgspec.json.decode(response.content)
            except msgspec.DecodeError:
                response.failure("the answer is not JSON")
                raise Odd from None
        return document

    @contextmanager
    def _request(
        self,
        method: str,
        group: str,
        path: str,
        *,
        name: str | None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        status: int | None = None,
    ) -> Iterator[Any]:
        sent = self.client.request(
            method,
            path,
            name=name or path.split("?", maxsplit=1)[0],
            json=body,
            headers={**self.signature, **(headers or {})},
            catch_response=True,
            context={"group": group},
        )
        with sent as response:
            if status is not None and response.status_code == status:
                response.success()
            elif status is not None or response.status_code >= 300 or response.status_code == 0:
                wanted = status or "200 to 299"
                response.failure(f"{response.status_code} instead of {wanted}")
                raise Odd
            yield response

    def _confirm_at_the_bank(self, url: str) -> None:
        path = url.removeprefix(self.target.url)
        # The bank sends the shopper back to the store's page of the order.
        sent = self.client.request(
            "POST",
            path,
            name="/test-gateway/challenge",
            data={"outcome": "approve"},
            headers=self.signature,
            catch_response=True,
            context={"group": "bank"},
        )
        with sent as response:
            if response.status_code != 200:
                response.failure(f"{response.status_code} instead of 200")
                raise Odd

    def _any(self, choices: list[Any]) -> Any:
        return self.random.choice(choices)

    def _think(self) -> None:
        if self.weights.think_seconds:
            gevent.sleep(self.random.expovariate(1 / self.weights.think_seconds))


VISITS: dict[str, Callable[[Visitor], object]] = {
    "browse": Visitor.browse,
    "search": Visitor.search,
    "fill_cart": Visitor.fill_cart,
    "buy": Visitor.buy,
}
