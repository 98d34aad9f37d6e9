"""Adding to a cart and ordering, over HTTP, against the same statements in a bare asyncpg loop.

The statements are recorded from one run of the store's own code, so both sides send the same; the order's
side asks the gateway besides. Goals: add to cart at least 0.5, order at least 0.4 of the bare loop; orders
of one hot item at least 0.4 of orders spread over many.

    python -m loadtests.bench.checkout
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec

from app.cart import service as carts
from app.checkout import service as checkout
from app.checkout.forms import Address, CheckoutRequest, PaymentChoice
from app.checkout.shop import Shop
from app.core.database import open_direct
from app.inventory import service as inventory
from app.payments.gateway import TestGateway
from app.shipping.service import TableRates
from loadtests.bench.recorded import Statement, recording, send_again
from loadtests.bench.servers import CONNECTIONS, SECONDS, Client, Store, pair, rate, running_store
from tests.app.factories import ADDRESS, checkout_body, make_variant

ITEMS = 300
UNITS = 1_000_000
# More than are ordered in one measurement.
CARTS = int(SECONDS * 2500)


async def record(store: Store, variant: int) -> tuple[list[Statement], list[Statement], dict[str, Any]]:
    """What the store sends to add to a cart and to order it, and the values that were the first's own."""
    gateway = TestGateway(store.settings)
    async with open_direct(store.settings) as database:
        cart = await carts.create_cart(database)
        async with recording() as adding:
            await carts.add_line(database, cart, variant, 1)
            await carts.read_cart(database, cart)
        shop = Shop(database, gateway, TableRates(database), store.settings.public_url)
        request = CheckoutRequest(
            cart, "ada@example.com", Address(**ADDRESS), "standard", PaymentChoice("tok_ok")
        )
        key = f"bench-{secrets.token_hex(8)}"
        async with recording() as first:
            await checkout.check_out(shop, key, request)
        await gateway.close()
        # The first checkout also fills what a process keeps (countries, rates): a second one shows the rest.
        cart = await carts.create_cart(database)
        await carts.add_line(database, cart, variant, 1)
    own = {"cart": adding[0].arguments[0], "order_cart": request.cart_id, "key": key}
    return adding, first, own


async def make_carts(store: Store, variants: list[int]) -> list[uuid.UUID]:
    """Open carts with a line each, of any of the variants."""
    ids = [uuid.uuid4() for _ in range(CARTS)]
    chosen = [random.choice(variants) for _ in ids]  # noqa: S311
    async with store.owner() as owner:
        await owner.execute("INSERT INTO carts (id, version) SELECT unnest($1::uuid[]), 2", ids)
        await owner.execute(
            "INSERT INTO cart_lines (cart_id, variant_id, quantity)"
            " SELECT c, v, 1 FROM unnest($1::uuid[], $2::bigint[]) AS l(c, v)",
            ids,
            chosen,
        )
        await owner.execute("ANALYZE")
    return ids


async def over_http(store: Store, send: Callable[[Client, int], Awaitable[tuple[int, bytes]]]) -> float:
    clients = [Client(store.url) for _ in range(2 * CONNECTIONS)]

    async def ask(worker: int, number: int) -> None:
        status, answer = await send(clients[worker], number)
        if status not in (200, 201):
            raise RuntimeError(f"the store answered {status}: {answer!r}")

    measured = await rate(ask, len(clients))
    for client in clients:
        client.close()
    return measured


async def orders(store: Store, ids: list[uuid.UUID]) -> float:
    async def order(client: Client, number: int) -> tuple[int, bytes]:
        body = msgspec.json.encode(checkout_body(str(ids[number])))
        return await client.send("POST", "/api/v1/checkouts", body, f"Idempotency-Key: {uuid.uuid4()}\r\n")

    return await over_http(store, order)


async def main() -> None:
    with running_store() as store:
        async with store.owner() as owner, store.connections() as bare:
            variants = [await make_variant(owner, stock=UNITS) for _ in range(ITEMS)]
            adding, ordering, own = await record(store, variants[-1])

            async def add_http() -> float:
                ids = await empty_carts(owner)

                async def add(client: Client, number: int) -> tuple[int, bytes]:
                    body = b'{"variant_id": %d, "quantity": 1}' % random.choice(variants)  # noqa: S311
                    path = f"/api/v1/carts/{ids[number % len(ids)]}/lines"
                    return await client.send("POST", path, body)

                return await over_http(store, add)

            async def add_bare() -> float:
                ids = await empty_carts(owner)

                async def add(worker: int, number: int) -> None:
                    changed = {own["cart"]: ids[number % len(ids)], variants[-1]: random.choice(variants)}  # noqa: S311
                    await send_again(bare[worker], adding, changed)

                return await rate(add, CONNECTIONS)

            async def order_bare() -> float:
                ids = await make_carts(store, variants)
                return await rate(orderer(bare, ordering, own, ids), CONNECTIONS)

            async def order_spread() -> float:
                return await orders(store, await make_carts(store, variants))

            hot = await make_variant(owner, stock=UNITS)

            async def order_hot() -> float:
                async with open_direct(store.settings) as database, database.transaction() as connection:
                    await inventory.spread(connection, hot, inventory.MAIN)
                return await orders(store, await make_carts(store, [hot]))

            tell("add to cart", "bare loop", 0.5, await pair(add_http, add_bare))
            tell("order", "bare loop", 0.4, await pair(order_spread, order_bare))
            tell("orders of one hot item", "of 300 items", 0.4, await pair(order_hot, order_spread))


def orderer(
    bare: list[asyncpg.Connection], ordering: list[Statement], own: dict[str, Any], ids: list[uuid.UUID]
) -> Callable[[int, int], Awaitable[None]]:
    """Sends the statements of an order with a cart, a key and payment references of its own."""
    placing = next(n for n, statement in enumerate(ordering) if "claimed_key" in statement.sql)
    token, reference = ordering[placing].arguments[4:6]
    payments = [
        a for s in ordering[placing + 1 :] for a in s.arguments if isinstance(a, str) and a.startswith("pay_")
    ]

    async def order(worker: int, number: int) -> None:
        changed = {
            own["order_cart"]: ids[number],
            own["key"]: f"bench-{secrets.token_hex(8)}",
            token: secrets.token_urlsafe(16),
            reference: secrets.token_hex(12),
        }
        if payments:
            changed[payments[-1].partition(":")[0]] = f"pay_{secrets.token_hex(12)}"
        await send_again(bare[worker], ordering, changed)

    return order


async def empty_carts(owner: asyncpg.Connection) -> list[uuid.UUID]:
    ids = [uuid.uuid4() for _ in range(1000)]
    await owner.execute("INSERT INTO carts (id) SELECT unnest($1::uuid[])", ids)
    return ids


def tell(subject: str, other: str, goal: float, rates: tuple[float, float]) -> None:
    ours, theirs = rates
    print(f"{subject} {ours:,.0f}/s, {other} {theirs:,.0f}/s, ratio {ours / theirs:.2f} (goal ≥ {goal})")


if __name__ == "__main__":
    asyncio.run(main())
