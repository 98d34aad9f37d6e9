"""One hot item: its one row, buckets, and a pool with SKIP LOCKED, in the real statement that places orders.

Every buyer wants one unit. The layouts take turns; "spread" is the same statement over 500 items. Goal: what
is used (buckets) at least 0.4 of the spread case.

    python -m loadtests.bench.hot_stock
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import Callable
from statistics import median
from typing import Any

import asyncpg

from app.cart import service as carts
from app.checkout import queries
from app.checkout import service as checkout
from app.checkout.forms import Address, CheckoutRequest, PaymentChoice
from app.checkout.shop import Shop
from app.core.database import open_direct
from app.inventory import hot
from app.payments.gateway import TestGateway
from app.shipping.service import TableRates
from loadtests.bench.recorded import Statement, recording
from loadtests.bench.servers import ROUNDS, Store, rate, running_store
from tests.app.factories import ADDRESS, make_variant

BUYERS = 20
ITEMS = 500
FEW = 16
POOL = 1000
UNITS = 1_000_000
CARTS = 400_000

# Where the statement's arguments are: the variants of lines, claims and moves, and the bucket of the move.
CART, KEY, TOKEN, REFERENCE = 0, 2, 4, 5
VARIANTS = (13, 18, 21)
BUCKET = 23

# Instead of the row that was decided on: the first that nobody has locked, from a random one on.
MOVES = queries.PLACE[queries.PLACE.index("moves AS (") : queries.PLACE.index("), everything_else AS")]
SKIP_LOCKED = queries.PLACE.replace(
    MOVES,
    """moves AS MATERIALIZED (
    SELECT variant_id, location_id, bucket, ($25::integer[])[1] AS units FROM stock_buckets
    WHERE variant_id = ($22::bigint[])[1] AND location_id = ($23::smallint[])[1]
        AND bucket >= ($24::smallint[])[1] AND available > 0
    ORDER BY variant_id, location_id, bucket LIMIT 1 FOR UPDATE SKIP LOCKED
""",
)


async def record_order(store: Store) -> Statement:
    """The statement of one real order of one unit, with its arguments."""
    gateway = TestGateway(store.settings)
    async with open_direct(store.settings) as database, store.owner() as owner:
        variant = await make_variant(owner)
        cart = await carts.create_cart(database)
        await carts.add_line(database, cart, variant, 1)
        shop = Shop(database, gateway, TableRates(database), store.settings.public_url)
        request = CheckoutRequest(
            cart, "ada@example.com", Address(**ADDRESS), "standard", PaymentChoice("tok_ok")
        )
        async with recording() as sent:
            await checkout.check_out(shop, secrets.token_hex(8), request)
    await gateway.close()
    return next(statement for statement in sent if statement.sql == queries.PLACE)


async def prepare(store: Store) -> dict[str, list[int]]:
    """Items of each layout, and open carts to order."""
    async with open_direct(store.settings) as database, store.owner() as owner:
        items = {
            "spread": [await make_variant(owner, stock=UNITS) for _ in range(ITEMS)],
            **{
                name: [await make_variant(owner, stock=UNITS)]
                for name in ("one row", "few", "buckets", "pool")
            },
        }
        for name, buckets in (("few", FEW), ("buckets", hot.BUCKETS), ("pool", POOL)):
            async with database.transaction() as connection:
                await hot._lay_out(connection, items[name][0], 1, buckets)
        await owner.execute(
            "INSERT INTO carts (id) SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, $1) AS n",
            CARTS,
        )
        await owner.execute("VACUUM ANALYZE")
    return items


def orderer(
    connections: list[asyncpg.Connection],
    recorded: Statement,
    cart: Any,
    choose: Callable[[], tuple[int, int]],
    sql: str,
) -> Callable[[int, int], Any]:
    async def order(worker: int, _number: int) -> None:
        variant, bucket = choose()
        arguments = list(recorded.arguments)
        arguments[CART], arguments[KEY] = next(cart), f"{variant}-{secrets.token_hex(8)}"
        arguments[TOKEN], arguments[REFERENCE] = secrets.token_urlsafe(16), secrets.token_hex(12)
        for place in VARIANTS:
            arguments[place] = [variant]
        arguments[BUCKET] = [bucket]
        # A fresh cart has version 1, the recorded one had another.
        arguments[1] = 1
        placed = await connections[worker].fetchrow(sql, *arguments)
        if placed is None:
            raise RuntimeError(f"cart {arguments[CART]} was not open: nothing was measured")

    return order


async def main() -> None:
    with running_store() as store:
        recorded = await record_order(store)
        items = await prepare(store)
        cart = (uuid.UUID(int=number) for number in range(1, CARTS + 1))

        def one(name: str, buckets: int) -> Callable[[], tuple[int, int]]:
            return lambda: (random.choice(items[name]), random.randint(1, buckets) if buckets else 0)  # noqa: S311

        layouts = {
            "500 items, a row each (spread)": (one("spread", 0), queries.PLACE),
            "one row": (one("one row", 0), queries.PLACE),
            f"{FEW} buckets": (one("few", FEW), queries.PLACE),
            f"{FEW} buckets, SKIP LOCKED": (one("few", FEW // 2), SKIP_LOCKED),
            f"{hot.BUCKETS} buckets": (one("buckets", hot.BUCKETS), queries.PLACE),
            f"{hot.BUCKETS} buckets, SKIP LOCKED": (one("buckets", hot.BUCKETS // 2), SKIP_LOCKED),
            f"pool of {POOL} rows, SKIP LOCKED": (one("pool", POOL - 100), SKIP_LOCKED),
        }
        rates: dict[str, list[float]] = {name: [] for name in layouts}
        opened = [await asyncpg.connect(store.settings.database_dsn) for _ in range(BUYERS)]
        for _ in range(ROUNDS):
            for name, (choose, sql) in layouts.items():
                rates[name].append(await rate(orderer(opened, recorded, cart, choose, sql), BUYERS))
        for connection in opened:
            await connection.close()
        best = median(rates["500 items, a row each (spread)"])
        for name, measured in rates.items():
            print(f"{name}: {median(measured):,.0f} orders/s, {median(measured) / best:.2f} of spread")


if __name__ == "__main__":
    asyncio.run(main())
