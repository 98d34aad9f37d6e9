"""A gateway that refuses, hangs or answers nonsense: checkout says so, and the rest of the shop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from app import reconcile
from app.checkout.service import settle_due_orders
from app.checkout.shop import Shop
from app.core.settings import Settings
from app.payments.breaker import FAILURES, OPEN_SECONDS
from tests.app.checkout.test_crowd import fill
from tests.app.core.test_resilience import Link
from tests.app.factories import check_out, checkout_body, fill_cart, make_variant, stock_of
from tests.app.processes import Process, wait_until
from tests.ports import free_port

NONSENSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<h1>Hello</h1>"
# More than there are connections to the database, or to the gateway.
CROWD = 80


class Wire(Link):
    """The way to the gateway. While it `hangs` nothing is read; with `answer` all is answered with that."""

    hangs = False
    answer = b""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target)
        self.join()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._open.append(client)
            if self.answer:
                Thread(target=self._talk, args=(client,), daemon=True).start()
            elif not self.hangs:
                server = socket.create_connection(self.target)
                self._open.append(server)
                for pair in ((client, server), (server, client)):
                    Thread(target=self._copy, args=pair, daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        try:
            while client.recv(65536):
                client.sendall(self.answer)
        except OSError:
            return

    def cut(self) -> None:
        # A thread that reads keeps a closed socket's connection; its peer would not hear of the end.
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        super().cut()

    def refuse(self) -> None:
        self.cut()

    def hang(self) -> None:
        self.cut()
        self.hangs = True
        self.join()

    def talk_nonsense(self) -> None:
        self.cut()
        self.answer = NONSENSE
        self.join()

    def break_off(self) -> None:
        """An answer that ends in its middle."""
        self.cut()
        self.answer = b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"
        self.join()

    def mend(self) -> None:
        self.cut()
        self.hangs, self.answer = False, b""
        self.join()


@pytest.fixture
def wire(settings: Settings, gateway: Process) -> Iterator[Wire]:
    parts = urlsplit(settings.gateway_url)
    wire = Wire((parts.hostname or "", parts.port or 0))
    yield wire
    wire.cut()


@pytest.fixture
def shopfront(
    environ: dict[str, str], settings: Settings, wire: Wire, tmp_path: Path
) -> Iterator[httpx.Client]:
    """A web process whose way to the gateway is the wire."""
    changed = {**environ, "GATEWAY_URL": f"http://127.0.0.1:{wire.port}"}
    process = Process(["app", "web"], changed, tmp_path / "web.log", free_port())
    process.start(ready="/health/ready")
    with httpx.Client(base_url=process.url, timeout=20, trust_env=False) as client:
        yield client
    process.stop()


@pytest.fixture
async def visitors(shopfront: httpx.Client) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CROWD * 2)
    async with httpx.AsyncClient(
        base_url=shopfront.base_url, timeout=60, limits=limits, trust_env=False
    ) as client:
        yield client


def topology(client: httpx.Client) -> dict[str, Any]:
    (found,) = [one for one in client.get("/topology").json()["dependencies"] if one["name"] == "gateway"]
    return dict(found)


async def calm(shop: Shop, owner: asyncpg.Connection, settings: Settings) -> None:
    """What the worker does in time; then the books must balance."""
    await owner.execute("UPDATE orders SET settle_at = now() WHERE settle_at IS NOT NULL")
    while await settle_due_orders(shop):
        pass
    assert await reconcile.run(settings) == 0


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (Wire.refuse, "payment-unavailable"),
        (Wire.hang, "payment-unknown"),
        (Wire.talk_nonsense, "payment-unknown"),
        (Wire.break_off, "payment-unknown"),
    ],
)
async def test_checkout_says_so_within_three_seconds_and_keeps_the_cart(
    *,
    shopfront: httpx.Client,
    owner: asyncpg.Connection,
    shop: Shop,
    settings: Settings,
    wire: Wire,
    fail: Callable[[Wire], None],
    kind: str,
) -> None:
    variant = await make_variant(owner, stock=5)
    cart, key = fill_cart(shopfront, (variant, 2)), str(uuid.uuid4())
    fail(wire)
    started = time.monotonic()
    answer = check_out(shopfront, cart, key=key)
    taken = time.monotonic() - started
    assert (answer.status_code, answer.json()["type"]) == (503, f"/problems/{kind}")
    assert answer.headers["retry-after"]
    assert taken < 3, f"it took {taken:.2f} s"
    assert shopfront.get(f"/api/v1/carts/{cart}").json()["lines"][0]["quantity"] == 2
    assert topology(shopfront)["state"] == "down"
    wire.mend()
    await owner.execute(
        "UPDATE orders SET created_at = now() - interval '1 minute' WHERE cart_id = $1", uuid.UUID(cart)
    )
    again = check_out(shopfront, cart, key=key)
    if again.status_code == 402:
        # What could not be told from a payment was called off, and the cart is open for another try.
        again = check_out(shopfront, cart)
    assert again.status_code == 201, again.text
    assert await stock_of(owner, variant) == (3, 2)
    await calm(shop, owner, settings)


async def pace(visitors: httpx.AsyncClient, path: str, count: int = 30) -> float:
    """Median seconds of a read, one after the other."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        (await visitors.get(path)).raise_for_status()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def test_the_rest_of_the_shop_answers_as_ever_while_a_crowd_waits_for_a_gateway_that_hangs(
    visitors: httpx.AsyncClient, owner: asyncpg.Connection, shop: Shop, settings: Settings, wire: Wire
) -> None:
    variant = await make_variant(owner, stock=CROWD)
    carts = [await fill(visitors, (variant, 1)) for _ in range(CROWD)]
    page = f"/api/v1/carts/{carts[0]}"
    before = await pace(visitors, page)
    wire.hang()

    async def order(cart: str) -> tuple[int, float]:
        started = time.monotonic()
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = await visitors.post("/api/v1/checkouts", json=checkout_body(cart), headers=headers)
        return answer.status_code, time.monotonic() - started

    ordering = [asyncio.create_task(order(cart)) for cart in carts]
    # By now all of them wait for the gateway.
    await asyncio.sleep(1.2)
    waiting = sum(not one.done() for one in ordering)
    during = await pace(visitors, page)
    ended = await asyncio.gather(*ordering)
    assert waiting > CROWD / 2, "the crowd was answered before the shop's pace was measured"
    assert during < max(4 * before, 0.1), f"{during:.4f} s, {before:.4f} s before"
    assert Counter(status for status, _ in ended) == {503: CROWD}
    wire.mend()
    await calm(shop, owner, settings)
    assert await stock_of(owner, variant) == (CROWD, 0)


async def test_a_gateway_that_fails_on_is_left_alone_and_taken_back_by_one_call(
    shopfront: httpx.Client, owner: asyncpg.Connection, shop: Shop, settings: Settings, wire: Wire
) -> None:
    variant = await make_variant(owner, stock=20)
    cart = fill_cart(shopfront, (variant, 1))
    assert topology(shopfront)["breaker"] == "closed"
    wire.refuse()
    for _ in range(FAILURES):
        assert check_out(shopfront, cart).status_code == 503
    assert topology(shopfront) | {"latency_ms": 0} == {
        "name": "gateway",
        "state": "down",
        "latency_ms": 0,
        "breaker": "open",
    }
    wire.mend()
    # Mended, and still left alone: who comes now is told at once, without a call.
    assert check_out(shopfront, cart).json()["type"] == "/problems/payment-unavailable"
    wait_until(
        lambda: topology(shopfront)["breaker"] == "half-open", lambda: "never half open", OPEN_SECONDS * 3
    )
    assert check_out(shopfront, cart).status_code == 201
    assert topology(shopfront)["breaker"] == "closed"
    assert "store_gateway_breaker 0.0" in shopfront.get("/metrics").text
    await calm(shop, owner, settings)
    assert await stock_of(owner, variant) == (19, 1)
