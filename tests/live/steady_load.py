"""A constant rate of shoppers' requests on the running store, and every request that failed.

Requests start at their planned times whether or not earlier ones have answered, so a store that stalls is
seen as it is, not spared. One in ten is a write (a new cart), one in fifty a whole purchase; the rest read.
A GET on a kept connection that the server has just closed is sent once more, as every browser does (RFC 9110,
9.2.2); it is counted. A write is never repeated.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep

import httpx

from loadtests.stack import Stack
from tests.live.shopping import Item, checkout_body, find_item


@dataclass
class Record:
    """What came back: how many requests were answered, and one line for each that failed."""

    answered: int = 0
    reconnected: int = 0
    failures: list[str] = field(default_factory=list)
    replicas: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)


class SteadyLoad:
    """Sends `rate` requests a second from a thread of its own until stopped, for at most `limit` seconds."""

    def __init__(self, stack: Stack, item: Item, shipping: str, rate: float, limit: float) -> None:
        self.stack, self.item, self.shipping, self.rate, self.limit = stack, item, shipping, rate, limit
        self.record = Record()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.send()), daemon=True)

    async def send(self) -> None:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        async with httpx.AsyncClient(
            base_url=self.stack.url, verify=self.stack.trust, timeout=30, limits=limits
        ) as client:
            begin, tasks = monotonic(), set[asyncio.Task[None]]()
            for number in range(int(self.rate * self.limit)):
                await asyncio.sleep(max(0.0, begin + number / self.rate - monotonic()))
                if self.stopping.is_set():
                    break
                task = asyncio.create_task(self.request(client, number))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.gather(*tasks)

    async def request(self, client: httpx.AsyncClient, number: int) -> None:
        client_address = self.stack.shopper(f"10.66.{number >> 8 & 255}.{number & 255}")
        try:
            if number % 50 == 0:
                await self.purchase(client, client_address, number)
            elif number % 10 == 0:
                await self.ask(client, "POST", "/api/v1/carts", client_address, json={})
            elif number % 3 == 0:
                await self.ask(client, "GET", f"/products/{self.item.handle}", client_address)
            elif number % 3 == 1:
                await self.ask(client, "GET", f"/search?q=mug&variation={number % 7}", client_address)
            else:
                info = await self.ask(client, "GET", "/info", client_address)
                self.record.replicas[info.json()["replica"]] += 1
                self.record.images[info.json()["image"]] += 1
        except (httpx.HTTPError, AssertionError) as problem:
            self.record.failures.append(f"request {number}: {problem!r}")

    async def purchase(self, client: httpx.AsyncClient, address: dict[str, str], number: int) -> None:
        cart = (await self.ask(client, "POST", "/api/v1/carts", address, json={})).json()["id"]
        line = {"variant_id": self.item.variant_id, "quantity": 1}
        await self.ask(client, "POST", f"/api/v1/carts/{cart}/lines", address, json=line)
        headers = address | {"Idempotency-Key": f"steady-{id(self)}-{number}"}
        await self.ask(client, "POST", "/api/v1/checkouts", headers, json=checkout_body(cart, self.shipping))

    async def ask(
        self, client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], json: object = None
    ) -> httpx.Response:
        try:
            answer = await client.request(method, path, headers=headers, json=json)
        except httpx.RemoteProtocolError:
            if method != "GET":
                raise
            self.record.reconnected += 1
            answer = await client.request(method, path, headers=headers, json=json)
        self.record.answered += 1
        assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text[:200]}"
        return answer


@contextmanager
def steady_load(stack: Stack, rate: float = 50, limit: float = 3600, at_least: int = 0) -> Iterator[Record]:
    """Shoppers at `rate` requests/s while the block runs, and on until `at_least` requests were answered.

    The record is complete when the block has ended.
    """
    with stack.client() as client:
        item = find_item(client, query="mug")
        stack.run("web", ["python", "-m", "app", "stock", str(item.variant_id), "100000"])
        cart = client.post("/api/v1/carts", json={}).json()["id"]
        client.post(f"/api/v1/carts/{cart}/lines", json={"variant_id": item.variant_id, "quantity": 1})
        rates = client.get(
            "/api/v1/shipping-rates", params={"cart_id": cart, "country": "DE", "postcode": "10115"}
        )
        shipping = rates.raise_for_status().json()["items"][0]["id"]
    load = SteadyLoad(stack, item, shipping, rate, limit)
    load.thread.start()
    try:
        yield load.record
        while load.record.answered < at_least and not load.record.failures and load.thread.is_alive():
            sleep(0.5)
    finally:
        load.stopping.set()
        load.thread.join(timeout=60)
