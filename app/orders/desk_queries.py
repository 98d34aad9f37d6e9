"""All SQL of the order desk."""

# $1 searches numbers and addresses by their beginning, $2 a state or 'to_ship'; '' means all.
LIST = """
SELECT o.id, o.number, o.state, o.email, o.total, o.currency, o.created_at,
       (SELECT sum(quantity - cancelled) FROM order_lines l WHERE l.order_id = o.id) AS units
FROM orders o
WHERE ($1 = '' OR starts_with(o.number, upper($1)) OR starts_with(lower(o.email), lower($1)))
    AND ($2 = '' OR o.state = $2 OR $2 = 'to_ship' AND o.state IN ('confirmed', 'partially_shipped'))
ORDER BY o.created_at DESC, o.id DESC LIMIT $3 OFFSET $4
"""

ORDER = """
SELECT id, number, state, email, token, total, currency, created_at, shipping_address, shipping_method
FROM orders WHERE number = $1
"""

HISTORY = "SELECT state, reason, actor, at FROM order_history WHERE order_id = $1 ORDER BY at"

PARCELS = "SELECT id, number FROM fulfilments WHERE order_id = $1 AND state <> 'dropped'"
