"""All SQL on payment events beyond the settling of orders."""

# Facts are kept once per gateway and key, and a job is made, in the same transaction, for each order that
# still waits for such a fact. procrastinate has no asyncpg connector, so its SQL function is called.
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
    ) FILTER (WHERE order_state = 'payment_pending' AND kind <> 'requires_action')
) AS jobs
FROM told
"""
