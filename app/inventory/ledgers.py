"""What must hold of stock: per variant and location, everything that came and went explains what is there."""

_PLACES = """
    SELECT variant_id, location_id, sum(available) AS available, sum(reserved) AS reserved
    FROM stock_places GROUP BY 1, 2
"""

_HELD = """
    SELECT c.id AS cart_id, (h.part ->> 0)::bigint AS variant_id, (h.part ->> 1)::smallint AS location_id,
           (h.part ->> 2)::integer AS quantity
    FROM carts c, jsonb_array_elements(c.held) AS h(part)
"""

CHECKS = {
    "per variant and location, the movements add up to available + reserved": f"""
        SELECT variant_id, location_id, p.available, p.reserved, coalesce(m.total, 0) AS movements
        FROM ({_PLACES}) p FULL JOIN (
            SELECT variant_id, location_id, sum(quantity) AS total FROM stock_movements GROUP BY 1, 2
        ) m USING (variant_id, location_id)
        WHERE coalesce(p.available + p.reserved, 0) <> coalesce(m.total, 0)
    """,  # noqa: S608
    "per variant and location, orders and holds add up to reserved": f"""
        SELECT variant_id, location_id, p.reserved,
               coalesce(r.orders, 0) AS orders, coalesce(h.held, 0) AS held
        FROM ({_PLACES}) p FULL JOIN (
            SELECT variant_id, location_id, sum(quantity) AS orders FROM reservations GROUP BY 1, 2
        ) r USING (variant_id, location_id) FULL JOIN (
            SELECT variant_id, location_id, sum(quantity) AS held FROM ({_HELD}) AS parts GROUP BY 1, 2
        ) h USING (variant_id, location_id)
        WHERE coalesce(p.reserved, 0) <> coalesce(r.orders, 0) + coalesce(h.held, 0)
    """,  # noqa: S608
    "no place has less than nothing": f"""
        SELECT variant_id, location_id, available, reserved FROM ({_PLACES}) AS p
        WHERE available < 0 OR reserved < 0
        UNION ALL
        SELECT variant_id, location_id, available, reserved FROM stock_places WHERE available < 0
    """,  # noqa: S608
    "a bucket belongs to stock of its location": """
        SELECT b.variant_id, b.location_id, b.bucket, b.available
        FROM stock_buckets b LEFT JOIN stock s USING (variant_id, location_id) WHERE s.variant_id IS NULL
    """,
    "per order, variant and location, what was shipped was an order's, and no more than it wanted": """
        SELECT m.order_id, m.variant_id, m.shipped, coalesce(l.quantity, 0) AS wanted
        FROM (SELECT order_id, variant_id, -sum(quantity) AS shipped FROM stock_movements
              WHERE kind = 'shipped' GROUP BY 1, 2) m
        LEFT JOIN (SELECT order_id, variant_id, sum(quantity) AS quantity FROM order_lines GROUP BY 1, 2) l
            USING (order_id, variant_id)
        WHERE m.shipped > coalesce(l.quantity, 0)
    """,
    "what is transferred from one location arrives at another": """
        SELECT variant_id, created_at::text, reason, sum(quantity) AS lost FROM stock_movements
        WHERE kind = 'transferred' GROUP BY 1, 2, 3 HAVING sum(quantity) <> 0
    """,
    "only an open cart holds units": """
        SELECT id::text, state, held::text FROM carts WHERE held IS NOT NULL AND state <> 'open'
    """,
    "a hold is given back within five minutes of its end": """
        SELECT id::text, held_until::text FROM carts WHERE held_until < now() - interval '5 minutes'
    """,
}
