"""A crowd of careful buyers, each at an address of their own, and the books to compare with what they saw.

A careful buyer repeats under the same key whatever was not answered for good, and comes again when told to.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from uuid import uuid4

import httpx

from loadtests.stack import Stack
from tests.live.shopping import checkout_body

# Of one client's pool; more buyers than that share its connections.
BUYERS_PER_CLIENT = 100
CONNECTIONS_PER_CLIENT = 25
# Who fill their carts at the same time; what they race for is only the checkout.
SHOPPING = 100
# Longer than any outage of these tests lasts, on a machine that has other work.
PATIENCE_SECONDS = 300.0
# What a store that is short of something answers on purpose; always with the time to come again.
DELIBERATE = frozenset({429, 503})
SETTLED_WITHIN = 90.0


@dataclass
class Crowd:
    """What the buyers saw."""

    # Final answers to checkouts by status; 0 for a buyer who lost patience.
    ended: Counter[int] = field(default_factory=Counter)
    # Orders that were confirmed to their buyers: number → total.
    confirmed: dict[str, int] = field(default_factory=dict)
    # Answers that were neither final nor deliberate, as `status body`, and connections that broke.
    faults: list[str] = field(default_factory=list)
    told_to_wait: int = 0
    reconnected: int = 0
    # Keys whose repetition answered something else than before.
    changed: list[str] = field(default_factory=list)


class Buyers:
    """Buyers of one variant, `shipping` being the way they want it sent."""

    def __init__(
        self, stack: Stack, variant: int, shipping: str, tokens: Sequence[str] = ("tok_ok",)
    ) -> None:
        self.stack, self.variant, self.shipping, self.tokens = stack, variant, shipping, tokens
        self.crowd = Crowd()
        self.begun = monotonic()
        self.shopping = asyncio.Semaphore(SHOPPING)
        # Set when all carts are full.
        self.ordering = asyncio.Event()

    async def rush(self, count: int) -> Crowd:
        """So many buyers at once: all fill their carts, then all check out."""
        self.begun = monotonic()
        groups = [
            range(first, min(first + BUYERS_PER_CLIENT, count))
            for first in range(0, count, BUYERS_PER_CLIENT)
        ]
        clients = [self._client() for _ in groups]
        try:
            members = [
                (client, number) for client, group in zip(clients, groups, strict=True) for number in group
            ]
            carts = await asyncio.gather(*[self._fill(client, number) for client, number in members])
            wishes = zip(members, carts, strict=True)
            self.begun = monotonic()
            self.ordering.set()
            await asyncio.gather(
                *[self._order(client, number, cart) for (client, number), cart in wishes if cart]
            )
        finally:
            for client in clients:
                await client.aclose()
        return self.crowd

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=CONNECTIONS_PER_CLIENT)
        return httpx.AsyncClient(
            base_url=self.stack.url,
            verify=self.stack.trust,
            timeout=httpx.Timeout(30, pool=PATIENCE_SECONDS),
            limits=limits,
            trust_env=False,
        )

    async def _fill(self, client: httpx.AsyncClient, number: int) -> str | None:
        """A cart with the item; another one when the answer was lost, as the line may have been taken."""
        line = {"variant_id": self.variant, "quantity": 1}
        async with self.shopping:
            while made := await self._ask(client, number, "/api/v1/carts", {}, {}):
                cart = str(made.json()["id"])
                if await self._ask(client, number, f"/api/v1/carts/{cart}/lines", line, {}, tries=1):
                    return cart
        return None

    async def _order(self, client: httpx.AsyncClient, number: int, cart: str) -> None:
        """Check out under one key; one buyer in five sends it twice at once, one in ten asks again later."""
        key = {"Idempotency-Key": str(uuid4())}
        body = checkout_body(cart, self.shipping, random.choice(self.tokens))
        path = "/api/v1/checkouts"
        sent = [self._ask(client, number, path, body, key) for _ in range(1 + (random.random() < 0.2))]
        answers = [answer for answer in await asyncio.gather(*sent) if answer is not None]
        # A refusal is not kept with its key: of two requests at once the later may find the units given back.
        orders = [answer for answer in answers if answer.status_code == 201]
        final = next(iter(orders or answers), None)
        if final and random.random() < 0.1:
            again = await self._ask(client, number, path, body, key)
            orders += [again] if again and final.status_code == 201 else []
        self.crowd.ended[final.status_code if final else 0] += 1
        if final and final.status_code == 201:
            order = final.json()["order"]
            self.crowd.confirmed[order["number"]] = order["total"]["amount"]
        if len({answer.content for answer in orders}) > 1:
            self.crowd.changed.append(f"{key}: {[answer.text for answer in orders]}")

    async def _ask(
        self,
        client: httpx.AsyncClient,
        number: int,
        path: str,
        body: object,
        headers: dict[str, str],
        *,
        tries: int = 10_000,
    ) -> httpx.Response | None:
        """Post until the answer is final; None when patience or tries end."""
        address = self.stack.shopper(f"10.{70 + (number >> 16)}.{number >> 8 & 255}.{number & 255}")
        for _ in range(tries):
            if monotonic() - self.begun > PATIENCE_SECONDS:
                break
            wait = random.uniform(0.2, 0.6)
            try:
                answer = await client.post(path, json=body, headers=address | headers)
            except httpx.RemoteProtocolError:
                # A kept connection that was just being closed; the key makes it safe to ask once more.
                self.crowd.reconnected += 1
            except httpx.HTTPError as error:
                self.crowd.faults.append(repr(error))
            else:
                come_again = answer.headers.get("retry-after")
                if answer.status_code < 500 and come_again is None:
                    return answer
                if come_again and (answer.status_code in DELIBERATE or answer.status_code == 409):
                    self.crowd.told_to_wait += 1
                    wait += min(float(come_again), 2.0)
                else:
                    self.crowd.faults.append(f"{answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(wait)
        return None


def query(stack: Stack, sql: str) -> list[list[str]]:
    """Rows of the stack's database, as the database itself prints them."""
    command = [
        "psql",
        "-U",
        "postgres",
        "-d",
        "store",
        "--no-align",
        "--tuples-only",
        "-v",
        "ON_ERROR_STOP=1",
    ]
    return [line.split("|") for line in stack.run("database", [*command, "-c", sql]).splitlines() if line]


def wait_until_settled(stack: Stack) -> None:
    """Wait for the recovery job: no order is left that waits for anybody but its shopper."""
    waiting = "SELECT number FROM orders WHERE state = 'payment_pending' AND action_url IS NULL"
    deadline = monotonic() + SETTLED_WITHIN
    while left := query(stack, waiting):
        assert monotonic() < deadline, f"still pending after {SETTLED_WITHIN:.0f} s: {left}"
        sleep(1)


@dataclass(frozen=True)
class Kept:
    """An order as the database has it; amounts in minor units, `due` beside gift cards."""

    number: str
    cart: str
    state: str
    total: int
    due: int
    reference: str
    units: int

    @property
    def stands(self) -> bool:
        return self.state not in ("payment_pending", "payment_failed")


def newest_order(stack: Stack) -> int:
    """The id that orders made from now on are beyond."""
    ((newest,),) = query(stack, "SELECT coalesce(max(id), 0) FROM orders")
    return int(newest)


_ORDERS = """
SELECT number, cart_id, state, total, total - gift_card, payment_reference,
       (SELECT coalesce(sum(quantity), 0) FROM order_lines l WHERE l.order_id = o.id)
FROM orders o WHERE id > {since} AND action_url IS NULL
"""


def check_books(stack: Stack, crowd: Crowd, variant: int, *, units: int, since: int) -> None:
    """Compare what buyers saw, the database and the gateway's own books; raises what is off."""
    rows = query(stack, _ORDERS.format(since=since))
    orders = [
        Kept(number, cart, state, int(total), int(due), reference, int(count))
        for number, cart, state, total, due, reference, count in rows
    ]
    standing = {order.number: order for order in orders if order.stands}
    doubled = [
        cart for cart, times in Counter(order.cart for order in standing.values()).items() if times > 1
    ]
    assert not doubled, f"carts with more than one order: {doubled}"
    lost = {
        number: total
        for number, total in crowd.confirmed.items()
        if number not in standing or standing[number].total != total
    }
    assert not lost, f"confirmed to their buyers, and not in the database: {lost}"
    half = [order for order in orders if order.units != 1]
    assert not half, f"orders of another number of units than their buyer wanted: {half}"
    left_sql = f"SELECT sum(available) FROM stock_places WHERE variant_id = {variant}"  # noqa: S608
    ((left,),) = query(stack, left_sql)
    assert int(left) == units - len(standing), f"{left} of {units} units left after {len(standing)} orders"
    compare_with_gateway(stack, orders)
    stack.run("web", ["python", "-m", "app", "reconcile"])


# What the gateway kept of every payment, by its reference.
_GATEWAY_BOOKS = """
import json, sqlite3
db = sqlite3.connect("file:/srv/gateway/gateway.sqlite3?mode=ro", uri=True)
part = "(SELECT coalesce(sum(amount), 0) FROM operations o WHERE o.payment_id = p.id AND kind = '%s')"
rows = db.execute(f"SELECT reference, state, amount, {part % 'capture'}, {part % 'refund'} FROM payments p")
print(json.dumps({r: (whole if s == "captured" else taken) - back for r, s, whole, taken, back in rows}))
"""


def compare_with_gateway(stack: Stack, orders: Sequence[Kept]) -> None:
    """The gateway kept of each order what is due for it, to the cent, and nothing of one that failed."""
    kept: dict[str, int] = json.loads(stack.run("gateway", ["python", "-c", _GATEWAY_BOOKS]))
    off = {
        order.number: f"{order.state}, due {order.due}, at the gateway {kept.get(order.reference, 0)}"
        for order in orders
        if kept.get(order.reference, 0) != (order.due if order.stands else 0)
    }
    assert not off, off
