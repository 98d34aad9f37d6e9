"""What must hold of payments: per order, what was secured is what is owed, and nothing is taken beyond it."""

# Per order, what its events and its finished and pending operations add up to.
_SUMS = """
    SELECT o.number, o.state, o.total, o.gift_card, e.*, p.*
    FROM orders o
    LEFT JOIN (
        SELECT order_id,
               sum(amount) FILTER (WHERE kind = 'authorized') AS authorized,
               sum(amount) FILTER (WHERE kind = 'captured') AS captured,
               sum(amount) FILTER (WHERE kind = 'refunded') AS refunded,
               sum(amount) FILTER (WHERE kind = 'voided') AS voided
        FROM payment_events GROUP BY 1
    ) e ON e.order_id = o.id
    LEFT JOIN (
        SELECT order_id AS operations_of,
               sum(amount) FILTER (WHERE state = 'done' AND kind = 'capture') AS capture_done,
               sum(amount) FILTER (WHERE state = 'done' AND kind = 'refund') AS refund_done,
               sum(amount) FILTER (WHERE state = 'done' AND kind = 'void') AS void_done,
               sum(amount) FILTER (WHERE state = 'pending') AS pending
        FROM payment_operations GROUP BY 1
    ) p ON p.operations_of = o.id
"""


def _rows(wrong: str) -> str:
    columns = [
        "authorized",
        "captured",
        "refunded",
        "voided",
        "capture_done",
        "refund_done",
        "void_done",
        "pending",
    ]
    listed = ", ".join(f"coalesce({column}, 0) AS {column}" for column in columns)
    sums = f"SELECT number, state, total - gift_card AS due, {listed} FROM ({_SUMS}) s"  # noqa: S608
    return f"SELECT * FROM ({sums}) s WHERE {wrong}"  # noqa: S608


CHECKS = {
    # At checkout the money is authorized, or captured outright: of that no `capture` operation is known.
    "per order, what checkout secured is what a standing order owes beside gift cards": _rows(
        "state NOT IN ('payment_pending', 'payment_failed')"
        " AND CASE WHEN authorized > 0 THEN authorized ELSE captured END <> due"
    ),
    "per order, captured - refunded is nothing when the payment failed, nor is anything authorized": _rows(
        "state = 'payment_failed' AND pending = 0"
        " AND (captured <> refunded OR authorized > captured + voided)"
    ),
    "per order, captured + voided is not more than authorized, and refunded not more than captured": _rows(
        "refunded > captured OR authorized > 0 AND captured + voided > authorized"
    ),
    "per order, what the gateway did is what the store asked of it": _rows(
        "refund_done > refunded OR void_done > voided OR capture_done > captured"
    ),
}
