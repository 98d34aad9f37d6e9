"""What shoppers do, on Locust: visits drawn from the mix, each a chain of requests with checked answers.

The store has no customer accounts and takes no returns yet, so nobody signs in or sends anything back: who
returns finds their cart again.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import msgspec

from loadtests.recording import Confirmed
from loadtests.visitor import MOST_REDIRECTS, Odd, Visit, Visitor

ADDRESS = {
    "name": "Robin Example",
    "line1": "1 Market Street",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
}
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
METHOD = re.compile(r'name="shipping_method" value="([^"]+)"')
PLACED = re.compile(r"^/orders/(\w+)\?token=([\w-]+)")
# Carts that their shoppers come back to.
MOST_KEPT = 1000
DECLINED, AT_THE_BANK, ACCEPTED = "tok_declined", "tok_3ds", "tok_ok"


class Weights(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The mix: see loadtests/mix.toml for what each number means."""

    visits: dict[str, float]
    payments: dict[str, float]
    think_seconds: float
    terms: list[str]
    # Shares of 1: searches that are mistyped, purchases on the pages (the others are of the API), and
    # declined shoppers who try another card.
    typos: float
    pages: float
    another_card: float


@dataclass
class Shelf:
    """What there is to look at and to buy, and the orders that the store confirmed to these shoppers."""

    collections: list[str]
    products: list[str]
    variants: list[int]
    confirmed: list[Confirmed] = field(default_factory=list)
    kept: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))


class Customer(Visitor):
    """A shopper. `visit` makes one visit; see loadtests/locustfile.py for when."""

    abstract = True
    weights: ClassVar[Weights]
    shelf: ClassVar[Shelf] = Shelf([], [], [])

    def visit(self) -> None:
        """Come with an empty browser, and do one thing."""
        self.come()
        try:
            VISITS[self.choose(self.weights.visits)](self)
        except Odd:
            return

    def browse(self) -> None:
        self.read_page("home", "/", holds="/collections")
        self._think()
        self.read_page(
            "collection", f"/collections/{self._any(self.shelf.collections)}", holds='href="/products/'
        )
        for _ in range(self.random.randint(1, 3)):
            self._think()
            self._look()

    def search(self) -> None:
        word, holds = self._any(self.weights.terms), 'href="/products/'
        if self.random.random() < self.weights.typos and len(word) > 4:
            # What is mended may differ from what was meant, and not every slip can be.
            place, holds = self.random.randrange(1, len(word) - 1), ""
            word = word[:place] + word[place + 1 :]
        self.read_page("search", f"/search?q={word}", holds=holds)
        self._think()
        self._look()

    def fill_cart(self) -> str:
        """A cart with one to three lines, one of which is changed at times."""
        self._look()
        cart = str(self.call("POST", "cart", "/api/v1/carts", {})["id"])
        lines: list[dict[str, Any]] = []
        for _ in range(self.random.choices((1, 2, 3), (6, 3, 1))[0]):
            self._think()
            wanted = {"variant_id": self._any(self.shelf.variants), "quantity": 1}
            path = f"/api/v1/carts/{cart}/lines"
            lines = self.call("POST", "cart", path, wanted, name="/api/v1/carts/{id}/lines")["lines"]
        if self.random.random() < 0.3:
            self._think()
            self._change(cart, lines)
        # A filled cart must not slow the catalogue: it goes on through it.
        self._look()
        self.shelf.kept.append(cart)
        return cart

    def come_back(self) -> None:
        """Find the cart of an earlier visit as it was left, and look on; some then buy."""
        if not self.shelf.kept:
            self.browse()
            return
        cart = self._any(list(self.shelf.kept))
        self.read_page("home", "/")
        with self.ask("GET", "cart", f"/api/v1/carts/{cart}", name="/api/v1/carts/{id}") as response:
            if not msgspec.json.decode(response.content)["lines"]:
                response.failure("the cart is empty")
                raise Odd
        self._think()
        self._look()

    def buy(self) -> None:
        if self.random.random() < self.weights.pages:
            self._buy_on_pages()
        else:
            self._buy_by_api()

    def _buy_by_api(self) -> None:
        cart = self.fill_cart()
        self.shelf.kept.remove(cart)  # nobody comes back to what is ordered
        self._think()
        where = f"cart_id={cart}&country={ADDRESS['country']}&postcode={ADDRESS['postcode']}"
        rates = self.call("GET", "shipping", f"/api/v1/shipping-rates?{where}")["items"]
        token, email = self.choose(self.weights.payments), _make_email()
        self._think()
        body: dict[str, Any] = {
            "cart_id": cart,
            "email": email,
            "shipping_address": ADDRESS,
            "shipping_method": rates[0]["id"],
        }
        if token == DECLINED:
            self._check_out(body, DECLINED, 402)
            if self.random.random() >= self.weights.another_card:
                return
            self._think()
            token = ACCEPTED
        key = uuid4().hex
        answer = self._check_out(body, token, 202 if token == AT_THE_BANK else 201, key)
        if token == AT_THE_BANK:
            self._confirm_at_the_bank(str(answer["next_action"]["url"]))
            answer = self._check_out(body, token, 201, key)
        order = answer["order"]
        placed = Confirmed(str(order["number"]), int(order["total"]["amount"]), email)
        self._see_order(placed, str(order["token"]))

    def _check_out(self, body: dict[str, Any], token: str, status: int, key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key or uuid4().hex}
        paid = {**body, "payment": {"token": token}}
        return self.call("POST", "checkout", "/api/v1/checkouts", paid, headers=headers, status=status)

    def _buy_on_pages(self) -> None:
        """As a guest with a browser that runs no script: every step is a form."""
        self._look()
        wanted = {"variant_id": str(self._any(self.shelf.variants)), "quantity": "1"}
        self.send_form("cart", "/cart/lines", wanted)
        self.read_page("cart", "/cart", holds="/checkout")
        self._think()
        hidden = self._read_hidden("/checkout")
        email = _make_email()
        self.send_form("checkout page", "/checkout", {**hidden, **ADDRESS, "email": email})
        page = self.read_page("checkout page", "/checkout/delivery", name="/checkout/delivery")
        method = METHOD.search(page)
        if method is None:
            raise Odd
        self._think()
        fields = {**dict(HIDDEN.findall(page)), "shipping_method": method[1]}
        self.send_form("checkout page", "/checkout/delivery", fields)
        hidden = self._read_hidden("/checkout/payment")
        token = self.choose(self.weights.payments)
        self._think()
        if token == DECLINED:
            paid = {**hidden, "payment_token": DECLINED}
            _, page = self.send_form("checkout", "/checkout/payment", paid, status=402)
            if self.random.random() >= self.weights.another_card:
                return
            self._think()
            hidden, token = dict(HIDDEN.findall(page)), ACCEPTED
        where, _ = self.send_form("checkout", "/checkout/payment", {**hidden, "payment_token": token})
        if token == AT_THE_BANK:
            where = self._confirm_at_the_bank(where)
        placed = PLACED.match(where)
        if placed is None:
            raise Odd
        # What was agreed to on the last page is what is owed.
        self._see_order(Confirmed(placed[1], int(hidden["total"]), email), placed[2])
        self.read_page("order", where, holds=placed[1], name="/orders/{number}")

    def _read_hidden(self, path: str) -> dict[str, str]:
        return dict(HIDDEN.findall(self.read_page("checkout page", path, holds="csrf_token", name=path)))

    def _confirm_at_the_bank(self, url: str) -> str:
        """Approve, and follow the bank back into the store; where that ends."""
        path = url.removeprefix(self.target.url)
        with self.ask(
            "POST", "bank", path, name="/test-gateway/challenge", status=303, data={"outcome": "approve"}
        ) as response:
            where = self.locate(response)
        for _ in range(MOST_REDIRECTS):
            if PLACED.match(where) or not where:
                break
            with self.ask(
                "GET", "bank", where, name=where.split("?", maxsplit=1)[0].rsplit("/", 1)[0], status=303
            ) as response:
                where = self.locate(response)
        return where

    def _see_order(self, placed: Confirmed, token: str) -> None:
        """Keep what was confirmed, which the database must hold, and look at it."""
        self.shelf.confirmed.append(placed)
        path = f"/api/v1/orders/{placed.number}?token={token}"
        with self.ask("GET", "order", path, name="/api/v1/orders/{number}") as response:
            seen = msgspec.json.decode(response.content)
            if (seen["number"], seen["total"]["amount"]) != placed[:2]:
                response.failure("shows another order than was confirmed")
                raise Odd

    def _change(self, cart: str, lines: list[dict[str, Any]]) -> None:
        """One more of a line, or without it if there are others."""
        line = self._any(lines)
        path, name = f"/api/v1/carts/{cart}/lines/{line['id']}", "/api/v1/carts/{id}/lines/{line}"
        if len(lines) > 1:
            self.call("DELETE", "cart", path, name=name)
        else:
            self.call("PATCH", "cart", path, {"quantity": int(line["quantity"]) + 1}, name=name)

    def _look(self) -> None:
        self.read_page("product", f"/products/{self._any(self.shelf.products)}", holds="<h1")

    def _any(self, choices: list[Any]) -> Any:
        return self.random.choice(choices)

    def _think(self) -> None:
        self.pause(self.weights.think_seconds)


def _make_email() -> str:
    return f"shopper-{uuid4().hex}@example.com"


VISITS: dict[str, Visit] = {
    "browse": Customer.browse,
    "search": Customer.search,
    "fill_cart": Customer.fill_cart,
    "come_back": Customer.come_back,
    "buy": Customer.buy,
}
