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


# Orders whose money was authorized first: what was taken of it, and what the units that were sent are worth
# in the way of app/orders/worth.py.
_AUTHORIZED = """
    WITH sent AS (
        SELECT f.order_id, l.position, sum(l.quantity) AS units, max(f.shipped_at) AS at
        FROM fulfilments f JOIN fulfilment_lines l ON l.fulfilment_id = f.id
        WHERE f.state IN ('shipped', 'delivered') GROUP BY 1, 2
    ), earned AS (
        SELECT o.id, max(s.at) AS sent_at,
               greatest(0, o.shipping + CASE WHEN o.tax_included THEN 0 ELSE o.shipping_tax END - o.gift_card
                   + sum(l.unit_price * s.units - l.discount * s.units / l.quantity
                         + CASE WHEN o.tax_included THEN 0 ELSE l.tax * s.units / l.quantity END)) AS earned
        FROM sent s JOIN orders o ON o.id = s.order_id
        JOIN order_lines l ON l.order_id = s.order_id AND l.position = s.position
        GROUP BY o.id
    ), taken AS (
        SELECT order_id, min(received_at) FILTER (WHERE kind = 'authorized') AS authorized_at,
               coalesce(sum(amount) FILTER (WHERE kind = 'authorized'), 0) AS authorized,
               coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS captured,
               coalesce(sum(amount) FILTER (WHERE kind = 'voided'), 0) AS voided
        FROM payment_events GROUP BY 1
    ), asked AS (
        SELECT order_id, coalesce(sum(amount) FILTER (WHERE state = 'pending'), 0) AS pending,
               coalesce(sum(amount) FILTER (WHERE state <> 'failed' AND key LIKE 'capture:%'), 0)
                   AS with_parcels
        FROM payment_operations GROUP BY 1
    )
    SELECT o.number, o.state, t.authorized, t.captured, t.voided, coalesce(a.pending, 0) AS pending,
           coalesce(a.with_parcels, 0) AS with_parcels, coalesce(e.earned, 0) AS earned, e.sent_at,
           t.authorized_at, (SELECT max(h.at) FROM order_history h WHERE h.order_id = o.id) AS changed_at
    FROM orders o JOIN taken t ON t.order_id = o.id AND t.authorized > 0
    LEFT JOIN earned e ON e.id = o.id LEFT JOIN asked a ON a.order_id = o.id
"""


def _authorized(wrong: str) -> str:
    columns = "number, state, authorized, captured, voided, pending, with_parcels, earned"
    return f"SELECT {columns} FROM ({_AUTHORIZED}) s WHERE {wrong}"  # noqa: S608


# The job that follows a parcel, or a cancellation, has this long.
_LATE = "interval '15 minutes'"

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
    "per order, what was sent of what is authorized is captured": _authorized(
        f"least(earned, authorized - voided) > captured + pending AND sent_at < now() - {_LATE}"
    ),
    "per order, what parcels captured is not more than what was sent is worth": _authorized(
        "with_parcels > earned"
    ),
    "of an order that is sent or cancelled nothing stays authorized": _authorized(
        "state IN ('shipped', 'delivered', 'cancelled') AND authorized > captured + voided + pending"
        f" AND changed_at < now() - {_LATE}"
    ),
    "no authorization waits for longer than seven days, when cards let go of it": _authorized(
        "state <> 'payment_failed' AND authorized > captured + voided + pending"
        " AND authorized_at < now() - interval '7 days'"
    ),
}
