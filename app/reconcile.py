"""Checks that every ledger balances row by row, on one snapshot of the database.

Exit code 0 when all do; else 1, and the offending rows, one JSON object a line.
"""

from __future__ import annotations

import sys

import asyncpg
import msgspec

from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings

# More rows of one check help nobody.
MOST_ROWS = 50

# Each query answers the rows for which the sentence is false.
CHECKS = {
    "per variant and location, the movements add up to available + reserved": """
        SELECT variant_id, location_id, s.available, s.reserved, coalesce(m.total, 0) AS movements
        FROM stock s FULL JOIN (
            SELECT variant_id, location_id, sum(quantity) AS total FROM stock_movements GROUP BY 1, 2
        ) m USING (variant_id, location_id)
        WHERE coalesce(s.available + s.reserved, 0) <> coalesce(m.total, 0)
    """,
    "per variant and location, the reservations add up to reserved": """
        SELECT variant_id, location_id, s.reserved, coalesce(r.total, 0) AS reservations
        FROM stock s FULL JOIN (
            SELECT variant_id, location_id, sum(quantity) AS total FROM reservations GROUP BY 1, 2
        ) r USING (variant_id, location_id)
        WHERE coalesce(s.reserved, 0) <> coalesce(r.total, 0)
    """,
    "no stock is negative": "SELECT * FROM stock WHERE available < 0 OR reserved < 0",
    "per order, captured - refunded is the total of a confirmed order, and nothing of a failed one": """
        SELECT o.number, o.state, o.total, coalesce(e.taken, 0) AS taken
        FROM orders o LEFT JOIN (
            SELECT order_id,
                   sum(CASE kind WHEN 'captured' THEN amount WHEN 'refunded' THEN -amount ELSE 0 END) AS taken
            FROM payment_events GROUP BY 1
        ) e ON e.order_id = o.id
        WHERE coalesce(e.taken, 0) <> CASE o.state WHEN 'confirmed' THEN o.total ELSE 0 END
            AND o.state <> 'payment_pending'
    """,
    "an order's lines add up to its subtotal": """
        SELECT o.number, o.subtotal, coalesce(sum(l.quantity * l.unit_price), 0) AS lines
        FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING o.subtotal <> coalesce(sum(l.quantity * l.unit_price), 0)
    """,
    "an order that stands or is pending reserves exactly its lines, a failed one nothing": """
        SELECT o.number, o.state, variant_id, l.quantity AS wanted, r.quantity AS reserved
        FROM (SELECT order_id, variant_id, sum(quantity) AS quantity FROM order_lines GROUP BY 1, 2) l
        FULL JOIN (SELECT order_id, variant_id, sum(quantity) AS quantity FROM reservations GROUP BY 1, 2) r
            USING (order_id, variant_id)
        LEFT JOIN orders o ON o.id = order_id
        WHERE o.id IS NULL OR coalesce(r.quantity, 0) <>
            CASE WHEN o.state IN ('payment_pending', 'confirmed') THEN l.quantity ELSE 0 END
    """,
    "a cart is ordering or ordered exactly while an order of it is pending or stands": """
        SELECT c.id::text, c.state AS cart, o.number, o.state AS order_state
        FROM carts c FULL JOIN (SELECT * FROM orders WHERE state <> 'payment_failed') o ON o.cart_id = c.id
        WHERE CASE coalesce(o.state, 'none')
            WHEN 'payment_pending' THEN 'ordering' WHEN 'confirmed' THEN 'ordered' ELSE 'open'
        END <> coalesce(c.state, '')
    """,
    "a key without an answer belongs to a pending order": """
        SELECT o.number, o.state FROM checkout_keys k JOIN orders o ON o.id = k.order_id
        WHERE k.status IS NULL AND o.state <> 'payment_pending'
    """,
    "no pending order waits for more than five minutes beyond its time": """
        SELECT number, settle_at::text FROM orders WHERE settle_at < now() - interval '5 minutes'
    """,
}


async def run(settings: Settings) -> int:
    """Run all checks; returns the exit code."""
    try:
        async with (
            open_direct(settings, size=1) as database,
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await check(connection)
    except Problem as problem:
        print(f"app reconcile: the database cannot be asked: {problem.detail}", file=sys.stderr)
        return 2


async def check(connection: asyncpg.Connection) -> int:
    """Run all checks on this connection and print the outcome; returns the exit code."""
    failed = 0
    for sentence, query in CHECKS.items():
        rows = await connection.fetch(f"{query} LIMIT {MOST_ROWS}", timeout=300)
        print(f"{'off' if rows else 'ok '}  {sentence}")
        for row in rows:
            print(f"     {msgspec.json.encode(dict(row), enc_hook=str).decode()}")
        failed += bool(rows)
    return 1 if failed else 0
