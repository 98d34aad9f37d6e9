"""All SQL that moves orders on. Who changes an order locks its row first, then its claims, then stock."""

# NO KEY: rows that refer to the order may be inserted meanwhile.
LOCK = """
SELECT id, number, state, email, currency, token, total, gift_card FROM orders WHERE id = $1 FOR NO KEY UPDATE
"""

ID_OF_NUMBER = "SELECT id, token FROM orders WHERE number = $1"
ORDER_OF_FULFILMENT = "SELECT order_id FROM fulfilments WHERE id = $1"

# Per line: what was ordered, cancelled, sent, and is in open fulfilments.
LINES = """
SELECT l.position, l.variant_id, l.sku, l.title, l.quantity, l.unit_price, l.discount, l.tax, l.tax_rate,
       l.cancelled, coalesce(f.sent, 0)::integer AS sent, coalesce(f.open, 0)::integer AS open
FROM order_lines l LEFT JOIN (
    SELECT fl.position, sum(fl.quantity) FILTER (WHERE f.state IN ('shipped', 'delivered')) AS sent,
           sum(fl.quantity) FILTER (WHERE f.state = 'open') AS open
    FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
    WHERE f.order_id = $1 GROUP BY fl.position
) f USING (position)
WHERE l.order_id = $1 ORDER BY l.position
"""

# What the order has reserved at each location, less what open fulfilments there hold of it.
PLACES = """
SELECT l.position, r.location_id, p.code, p.name,
       (r.quantity - coalesce(o.quantity, 0))::integer AS quantity
FROM reservations r
JOIN order_lines l ON l.order_id = r.order_id AND l.variant_id = r.variant_id
JOIN locations p ON p.id = r.location_id
LEFT JOIN (
    SELECT f.location_id, fl.position, sum(fl.quantity) AS quantity
    FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
    WHERE f.order_id = $1 AND f.state = 'open' GROUP BY 1, 2
) o ON o.location_id = r.location_id AND o.position = l.position
WHERE r.order_id = $1 AND r.quantity > coalesce(o.quantity, 0)
ORDER BY p.priority, r.location_id, l.position
"""

FULFIL = """
WITH made AS (
    INSERT INTO fulfilments (order_id, number, location_id, actor)
    SELECT $1, (SELECT count(*) + 1 FROM fulfilments WHERE order_id = $1), $2, $3 RETURNING id
), lines AS (
    INSERT INTO fulfilment_lines (fulfilment_id, position, quantity)
    SELECT made.id, position, quantity
    FROM made, unnest($4::smallint[], $5::integer[]) AS l(position, quantity)
)
SELECT id FROM made
"""

FULFILMENT = """
SELECT f.id, f.order_id, f.number, f.location_id, f.state FROM fulfilments f WHERE f.id = $1
"""
FULFILMENT_UNITS = """
SELECT l.variant_id, sum(fl.quantity)::integer AS quantity
FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
WHERE f.id = $1 GROUP BY l.variant_id ORDER BY l.variant_id
"""
SHIP = """
UPDATE fulfilments SET state = 'shipped', shipped_at = now(), carrier = $2, tracking_number = $3,
    tracking_url = $4
WHERE id = $1
"""
DELIVER = "UPDATE fulfilments SET state = 'delivered', delivered_at = now() WHERE id = $1"
DROP = "UPDATE fulfilments SET state = 'dropped' WHERE id = $1"
DROP_OPEN = "UPDATE fulfilments SET state = 'dropped' WHERE order_id = $1 AND state = 'open' RETURNING id"

CANCEL_UNITS = """
UPDATE order_lines l SET cancelled = l.cancelled + c.quantity
FROM unnest($2::smallint[], $3::integer[]) AS c(position, quantity)
WHERE l.order_id = $1 AND l.position = c.position
"""

PROGRESS = """
SELECT (SELECT sum(quantity - cancelled) FROM order_lines WHERE order_id = $1)::integer
         - coalesce((SELECT sum(fl.quantity) FROM fulfilments f
                     JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
                     WHERE f.order_id = $1 AND f.state IN ('shipped', 'delivered')), 0)::integer AS left,
       count(*) FILTER (WHERE state IN ('shipped', 'delivered'))::integer AS sent,
       count(*) FILTER (WHERE state = 'shipped')::integer AS under_way
FROM fulfilments WHERE order_id = $1
"""

# clock_timestamp: two steps within one transaction stay apart.
ENTER = """
WITH entered AS (UPDATE orders SET state = $2 WHERE id = $1)
INSERT INTO order_history (order_id, state, reason, actor, at) VALUES ($1, $2, $3, $4, clock_timestamp())
"""

# What the order is worth to the shop by now, and what it will be once all that stands is sent.
MONEY = """
SELECT o.id, o.state, o.shipping, o.shipping_tax, o.tax_included, o.gift_card, o.total
FROM orders o WHERE o.id = $1
"""

# procrastinate has no asyncpg connector, so its SQL function is called: the job commits with the change.
DEFER_MONEY = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('payments', 'orders:settle_money', 0, 'order:' || $1::bigint, NULL,
        jsonb_build_object('order_id', $1::bigint), NULL)::procrastinate_job_to_defer_v1
])
"""

# Under the lock of the jobs that move the order's money: never beside one of them, and before that of a
# cancellation that comes meanwhile. No row when the job waits already.
DEFER_GIFT_CARDS = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('payments', 'orders:send_gift_cards', 0, 'order:' || $1::bigint, 'gift-cards:' || $1::bigint,
        jsonb_build_object('order_id', $1::bigint), NULL)::procrastinate_job_to_defer_v1
])
WHERE NOT EXISTS (
    SELECT FROM procrastinate_jobs WHERE queueing_lock = 'gift-cards:' || $1::bigint AND status = 'todo'
)
"""

DEFER_GIFT_REFUND = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('payments', 'orders:refund_gift_card', 0, 'order:' || $1::bigint, NULL,
        jsonb_build_object('order_id', $1::bigint, 'card_id', $2::bigint, 'by_gateway', $3::bigint,
                           'by_card', $4::bigint), NULL)::procrastinate_job_to_defer_v1
])
"""

ADD_MAIL = """
INSERT INTO mails (order_id, kind, key, data) VALUES ($1, $2, $3, $4::text::jsonb)
ON CONFLICT (key) DO NOTHING
"""

FULFILMENTS = """
SELECT f.id, f.number, f.state, p.code AS location, f.carrier, f.tracking_number, f.tracking_url,
       f.created_at, f.shipped_at, f.delivered_at,
       (SELECT json_agg(json_build_object('sku', l.sku, 'title', l.title, 'quantity', fl.quantity)
                        ORDER BY fl.position)
        FROM fulfilment_lines fl JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
        WHERE fl.fulfilment_id = f.id) AS lines
FROM fulfilments f JOIN locations p ON p.id = f.location_id
WHERE f.order_id = $1 AND f.state <> 'dropped' ORDER BY f.number
"""
