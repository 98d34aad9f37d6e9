"""What must hold of checkouts: carts, keys and orders agree, and nothing is left behind."""

CHECKS = {
    "a cart is ordering or ordered exactly while an order of it is pending or stands": """
        SELECT c.id::text, c.state AS cart, o.number, o.state AS order_state
        FROM carts c FULL JOIN (SELECT * FROM orders WHERE state <> 'payment_failed') o ON o.cart_id = c.id
        WHERE CASE
            WHEN o.state IS NULL THEN 'open' WHEN o.state = 'payment_pending' THEN 'ordering' ELSE 'ordered'
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
