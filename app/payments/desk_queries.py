"""All SQL of the payment desk."""

# What one person has to look at, newest first: operations that the gateway refused or has not answered for a
# while, money moved at the gateway's own desk, and orders whose money is not what they owe.
DIFFERENCES = """
SELECT o.number, p.kind || ' ' || p.state AS what, p.amount, o.currency, p.created_at AS at,
       coalesce(p.failure, 'the gateway has not answered; it is asked again') AS detail
FROM payment_operations p JOIN orders o ON o.id = p.order_id
WHERE p.state = 'failed' OR p.state = 'pending' AND p.created_at < now() - interval '1 minute'
UNION ALL
SELECT o.number, e.kind, e.amount, o.currency, e.received_at, 'not asked for by the store'
FROM payment_events e JOIN orders o ON o.id = e.order_id
WHERE (e.kind IN ('refunded', 'voided') OR e.kind = 'captured' AND EXISTS (
        SELECT FROM payment_events a WHERE a.order_id = e.order_id AND a.kind = 'authorized'))
    AND NOT EXISTS (SELECT FROM payment_operations p WHERE p.gateway_id = e.key)
UNION ALL
SELECT o.number, 'kept of a failed order', s.kept, o.currency, o.created_at, 'to be given back'
FROM orders o
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE kind WHEN 'captured' THEN amount WHEN 'refunded' THEN -amount END), 0)::bigint
        AS kept
    FROM payment_events WHERE order_id = o.id
) s
WHERE o.state = 'payment_failed' AND s.kept <> 0
ORDER BY at DESC LIMIT $1 OFFSET $2
"""

# $1: the beginning of an order's number, or a payment's id at the gateway; '' for the newest of all.
EVENTS = """
SELECT o.number, o.state AS order_state, e.gateway, e.kind, e.amount, o.currency, e.payment_id, e.received_at
FROM payment_events e JOIN orders o ON o.id = e.order_id
WHERE $1 = '' OR starts_with(o.number, upper($1)) OR e.payment_id = $1
ORDER BY e.id DESC LIMIT $2 OFFSET $3
"""
