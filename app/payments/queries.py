"""All SQL on payments beyond the settling of orders."""

# Facts are kept once per gateway and key, and a job is made, in the same transaction, for each order that
# still waits for such a fact, or has failed and was paid all the same. procrastinate has no asyncpg
# connector, so its SQL function is called.
RECORD = """
WITH told AS (
    SELECT o.id AS order_id, o.state AS order_state, t.*
    FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
        AS t(reference, kind, amount, payment_id, key)
    JOIN orders o ON o.payment_reference = t.reference
), event AS (
    INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)
    SELECT $1, key, order_id, kind, amount, payment_id FROM told ON CONFLICT (gateway, key) DO NOTHING
)
SELECT count(*) AS known, procrastinate_defer_jobs_v1(
    array_agg(
        ROW('payments', 'payments:settle_reported_order', 0, 'order:' || order_id, NULL,
            jsonb_build_object('order_id', order_id), NULL)::procrastinate_job_to_defer_v1
    ) FILTER (WHERE order_state = 'payment_pending' AND kind <> 'requires_action'
                 OR order_state = 'payment_failed' AND kind IN ('authorized', 'captured'))
) AS jobs
FROM told
"""

# What the gateway did with a payment after checkout; by hand, perhaps, at its own desk: then no operation has
# the key, and the fact stands alone. The operation is locked before its event, as FINISH does, which
# comes at the same moment with the same fact: the other way round each would wait for the other.
RECORD_RECEIPTS = """
WITH told AS (
    SELECT o.id AS order_id, t.*
    FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
        AS t(reference, kind, amount, payment_id, key, operation_key)
    JOIN orders o ON o.payment_reference = t.reference
), done AS (
    UPDATE payment_operations p SET state = 'done', failure = NULL, gateway_id = t.key, settle_at = NULL,
        done_at = now()
    FROM told t WHERE p.key = t.operation_key AND p.order_id = t.order_id AND p.state <> 'done' RETURNING 1
), event AS (
    INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)
    SELECT $1, key, order_id, kind, amount, payment_id
    FROM told, (SELECT count(*) FROM done) AS operations_first
    ON CONFLICT (gateway, key) DO NOTHING
)
SELECT count(*) FROM told
"""

# Lines up whatever wants to change one order's payment; held for the next two statements only. NO KEY: rows
# that refer to the order may be inserted meanwhile.
LOCK_ORDER = "SELECT id FROM orders WHERE id = $1 FOR NO KEY UPDATE"

# Read after the lock, in a statement of its own: it must see what the holder before has committed.
LEDGER = """
SELECT o.id AS order_id, o.number, o.token, o.state, o.currency, o.payment_reference,
       o.total - o.gift_card AS due, e.*, p.*
FROM orders o
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE kind = 'authorized'), 0)::bigint AS authorized,
           coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0)::bigint AS captured,
           coalesce(sum(amount) FILTER (WHERE kind = 'refunded'), 0)::bigint AS refunded,
           coalesce(sum(amount) FILTER (WHERE kind = 'voided'), 0)::bigint AS voided,
           (array_agg(payment_id ORDER BY id) FILTER (WHERE kind IN ('authorized', 'captured')))[1]
               AS payment_id,
           (array_agg(gateway ORDER BY id) FILTER (WHERE kind IN ('authorized', 'captured')))[1] AS gateway
    FROM payment_events WHERE order_id = o.id
) e
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0)::bigint AS capturing,
           coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunding,
           coalesce(sum(amount) FILTER (WHERE kind = 'void'), 0)::bigint AS voiding
    FROM payment_operations WHERE order_id = o.id AND state = 'pending'
) p
WHERE o.id = $1
"""

_OPERATION = "id, order_id, key, kind, amount, reason, state, failure, created_at, done_at"

OPERATION = f"SELECT {_OPERATION} FROM payment_operations WHERE key = $1"  # noqa: S608

INTEND = f"""
INSERT INTO payment_operations (order_id, key, kind, amount, reason, settle_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) RETURNING {_OPERATION}
"""  # noqa: S608

FINISH = """
WITH done AS (
    UPDATE payment_operations SET state = 'done', gateway_id = $3, settle_at = NULL, done_at = now()
    WHERE key = $1 AND state = 'pending' RETURNING order_id, amount
), event AS (
    INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)
    SELECT $2, $3, order_id, $4, amount, $5 FROM done ON CONFLICT (gateway, key) DO NOTHING
)
SELECT count(*) FROM done
"""

FAIL = """
UPDATE payment_operations SET state = 'failed', failure = $2, settle_at = NULL, done_at = now()
WHERE key = $1 AND state = 'pending'
"""

# A claim by time instead of a lock: whoever dies with an operation lets go of it by itself.
CLAIM_DUE = f"""
UPDATE payment_operations SET settle_at = now() + make_interval(secs => $1)
WHERE id IN (
    SELECT id FROM payment_operations WHERE settle_at <= now() ORDER BY settle_at LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING {_OPERATION}
"""  # noqa: S608

EVENTS_OF_ORDER = """
SELECT gateway, key, kind, amount, payment_id, received_at FROM payment_events WHERE order_id = $1 ORDER BY id
"""

OPERATIONS_OF_ORDER = f"""
SELECT {_OPERATION} FROM payment_operations WHERE order_id = $1 ORDER BY id
"""  # noqa: S608

EVENTS = """
SELECT e.id, e.gateway, e.kind, e.amount, o.currency, e.payment_id, e.received_at
FROM payment_events e JOIN orders o ON o.id = e.order_id WHERE o.number = $1 ORDER BY e.id
"""

ORDER_ID = "SELECT id FROM orders WHERE number = $1"
