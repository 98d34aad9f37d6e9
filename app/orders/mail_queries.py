"""All SQL on the outbox of mails."""

# A claim by time instead of a lock: whoever dies with a mail lets go of it by itself. Each try doubles the
# wait.
CLAIM = """
UPDATE mails m SET attempts = m.attempts + 1,
    due_at = now() + make_interval(secs => least(30 * power(2, least(m.attempts, 10)), $2))
FROM orders o
WHERE m.order_id = o.id AND m.id IN (
    SELECT id FROM mails WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING m.id, m.order_id, m.kind, m.data, m.created_at, o.number, o.token, o.email, o.currency, o.total,
    o.state, o.shipping_address
"""

# Codes of gift cards are kept until the mail server has them, and no longer.
SENT = """
UPDATE mails SET sent_at = now(), due_at = NULL, failure = NULL, data = data - 'cards' WHERE id = $1
"""
DELAYED = "UPDATE mails SET failure = $2 WHERE id = $1 AND sent_at IS NULL"
REFUSED = "UPDATE mails SET failure = $2, due_at = NULL WHERE id = $1 AND sent_at IS NULL"

AGAIN = """
INSERT INTO mails (order_id, kind, key, data)
SELECT order_id, kind, 'again:' || gen_random_uuid(), data FROM mails
WHERE id = $1 AND order_id = $2 AND (kind <> 'gift_card' OR data ? 'cards')
RETURNING id
"""

OF_ORDER = """
SELECT id, kind, created_at, sent_at, attempts, failure, kind <> 'gift_card' OR data ? 'cards' AS repeatable
FROM mails WHERE order_id = $1 ORDER BY id
"""
