"""Orders and product pages per CPU second of all containers of a stack, edge, balancer and gateway included.

Each order is a whole purchase: a cart is made, filled, and ordered, by a shopper with an address of their
own. CPU time is what the kernel has counted for the containers' cgroups, so other work on the machine hardly
matters; the client's own is left out. Run it on a stack that may be loaded:

    python -m loadtests.bench.cpu_seconds [STACK] [ORDERS]
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from loadtests.stack import Stack, find_stack
from tests.app.factories import checkout_body

AT_ONCE = 8
# Pages cost so little that more are needed to measure them.
PAGES_PER_ORDER = 10

_addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """What the containers have used since they started, by role."""
    used: dict[str, float] = {}
    for container in stack.containers():
        stats = stack.engine.api.stats(str(container.id), stream=False, one_shot=True)
        role = container.labels["storestack.role"]
        used[role] = used.get(role, 0.0) + stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    return used


async def measure(stack: Stack, what: str, count: int, work: Callable[[int], Awaitable[Any]]) -> None:
    """Do it so many times and print what it cost."""
    numbers = iter(range(count))

    async def go() -> None:
        for number in numbers:
            await work(number)

    before, started = cpu_seconds(stack), time.perf_counter()
    await asyncio.gather(*[go() for _ in range(AT_ONCE)])
    seconds = time.perf_counter() - started
    after = cpu_seconds(stack)
    spent = {role: after[role] - before.get(role, 0.0) for role in after}
    total = sum(spent.values())
    shares = ", ".join(
        f"{role} {1000 * used / count:.1f}" for role, used in sorted(spent.items(), key=lambda one: -one[1])
    )
    print(f"{what}: {count / seconds:,.0f}/s, {count / total:,.0f} per CPU second; ms each: {shares}")


async def main(name: str, orders: int) -> None:
    stack = find_stack(name)
    async with httpx.AsyncClient(
        base_url=stack.url, verify=stack.trust, timeout=30, trust_env=False
    ) as client:

        async def send(method: str, path: str, **options: Any) -> Any:
            headers = {**stack.shopper(next(_addresses)), **options.pop("headers", {})}
            answer = await client.request(method, path, headers=headers, **options)
            if answer.status_code not in (200, 201):
                raise RuntimeError(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")
            return answer

        items = (await send("GET", "/api/v1/products?limit=100")).json()["items"]
        products = [(await send("GET", f"/api/v1/products/{one['handle']}")).json() for one in items[:50]]
        stocked = [v["id"] for product in products for v in product["variants"] if v["available"] > 10]

        async def order(number: int) -> None:
            cart = (await send("POST", "/api/v1/carts")).json()["id"]
            line = {"variant_id": stocked[number % len(stocked)], "quantity": 1}
            await send("POST", f"/api/v1/carts/{cart}/lines", json=line)
            key = {"Idempotency-Key": str(uuid.uuid4())}
            await send("POST", "/api/v1/checkouts", json=checkout_body(cart), headers=key)

        async def show(number: int) -> None:
            await send("GET", f"/products/{items[number % len(items)]['handle']}")

        await measure(stack, "warming up", orders // 10, order)
        await measure(stack, "orders", orders, order)
        await measure(stack, "product pages", orders * PAGES_PER_ORDER, show)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(given[0] if given else "local", int(given[1]) if given[1:] else 500))
