"""The SQL that finds orders for staff and other systems."""

# $3 to $6 may be null. The last change of an order is the last step of its history.
LIST = """
SELECT o.id, o.number, o.state, o.created_at, o.email, o.total, o.currency,
       coalesce((SELECT max(h.at) FROM order_history h WHERE h.order_id = o.id), o.created_at) AS updated_at
FROM orders o
WHERE o.id < $1 AND ($3::text IS NULL OR o.state = $3)
  AND ($4::timestamptz IS NULL OR o.created_at >= $4) AND ($5::timestamptz IS NULL OR o.created_at < $5)
  AND ($6::timestamptz IS NULL OR o.id IN (SELECT h.order_id FROM order_history h WHERE h.at >= $6))
ORDER BY o.id DESC LIMIT $2
"""

ID_OF_NUMBER = "SELECT id FROM orders WHERE number = $1"

# A number from outside may be larger than the column holds.
FULFILMENT_OF = "SELECT id FROM fulfilments WHERE order_id = $1 AND number = $2::bigint"
