"""All SQL of staff, links, recovery codes and audit log, of the first page's figures and of the queue."""

from __future__ import annotations

_MEMBER = "id, email, name, roles, session_epoch, disabled_at, signed_in_at, created_at"

MEMBER = f"SELECT {_MEMBER} FROM staff WHERE id = $1"  # noqa: S608
MEMBERS = f"SELECT {_MEMBER} FROM staff ORDER BY disabled_at IS NOT NULL, lower(name), id"  # noqa: S608
CREDENTIALS = f"""
SELECT {_MEMBER}, password, totp_nonce, totp_step FROM staff WHERE lower(email) = lower($1)
"""  # noqa: S608
ADMINISTRATORS = """
SELECT id, email FROM staff WHERE 'administrator' = ANY (roles) AND disabled_at IS NULL ORDER BY id
"""
LOCK_ADMINISTRATORS = f"{ADMINISTRATORS} FOR UPDATE"
# Two who redeem a first link at once must see each other: there may be no row yet to lock.
LOCK_STAFF = "LOCK TABLE staff IN SHARE ROW EXCLUSIVE MODE"
ADD_MEMBER = """
INSERT INTO staff (email, name, roles, password, totp_nonce, totp_step, signed_in_at)
VALUES ($1, $2, $3, $4, $5, $6, now()) ON CONFLICT DO NOTHING RETURNING id, session_epoch
"""
RESET_MEMBER = """
UPDATE staff SET password = $2, totp_nonce = $3, totp_step = $4, session_epoch = session_epoch + 1,
                 signed_in_at = now()
WHERE id = $1 AND disabled_at IS NULL RETURNING id, session_epoch
"""
# The comparison makes each code good once, however many come with it at the same time.
USE_STEP = """
UPDATE staff SET totp_step = $2, signed_in_at = now()
WHERE id = $1 AND totp_step < $2 AND disabled_at IS NULL RETURNING session_epoch
"""
USE_RECOVERY_CODE = """
WITH used AS (DELETE FROM staff_recovery_codes WHERE staff_id = $1 AND code_hash = $2 RETURNING staff_id)
UPDATE staff SET signed_in_at = now() FROM used
WHERE staff.id = used.staff_id AND disabled_at IS NULL RETURNING session_epoch
"""
CLEAR_RECOVERY_CODES = "DELETE FROM staff_recovery_codes WHERE staff_id = $1"
ADD_RECOVERY_CODES = "INSERT INTO staff_recovery_codes SELECT $1, unnest($2::bytea[])"
COUNT_RECOVERY_CODES = "SELECT count(*)::integer FROM staff_recovery_codes WHERE staff_id = $1"
SET_ROLES = "UPDATE staff SET roles = $2 WHERE id = $1"
# Whoever comes back signs in anew.
DISABLE = "UPDATE staff SET disabled_at = now(), session_epoch = session_epoch + 1 WHERE id = $1"
ENABLE = "UPDATE staff SET disabled_at = NULL WHERE id = $1"
END_SESSIONS = "UPDATE staff SET session_epoch = session_epoch + 1 WHERE id = $1"

ADD_LINK = """
INSERT INTO staff_links (token_hash, purpose, staff_id, email, roles, totp_nonce, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(mins => $8)) RETURNING id
"""
# A new link for the same end makes the earlier ones void.
VOID_LINKS = """
UPDATE staff_links SET expires_at = now()
WHERE purpose = $1 AND staff_id IS NOT DISTINCT FROM $2 AND lower(email) = lower($3)
  AND used_at IS NULL AND expires_at > now()
"""
VOID_LINK = "UPDATE staff_links SET expires_at = now() WHERE id = $1 AND used_at IS NULL RETURNING email"
_LINK = "l.id, l.purpose, l.staff_id, coalesce(s.email, l.email) AS email, s.name, l.roles, l.totp_nonce"
LINK = f"""
SELECT {_LINK} FROM staff_links l LEFT JOIN staff s ON s.id = l.staff_id
WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > now()
"""  # noqa: S608
# The one place where a link is used up: whoever else holds it waits here, and then finds nothing.
USE_LINK = f"""
WITH used AS (
    UPDATE staff_links SET used_at = now()
    WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING *
)
SELECT {_LINK} FROM used l LEFT JOIN staff s ON s.id = l.staff_id
"""  # noqa: S608
OPEN_INVITATIONS = """
SELECT id, email, roles, created_by, expires_at FROM staff_links
WHERE purpose = 'invite' AND used_at IS NULL AND expires_at > now() ORDER BY id
"""

ADD_AUDIT = """
INSERT INTO audit_log (staff_id, who, address, request_id, verb, object, outcome, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
AUDIT = """
SELECT id, at, who, address, request_id, verb, object, outcome, before, after FROM audit_log
WHERE ($1 = '' OR who = $1) AND ($2 = '' OR verb = $2 OR starts_with(verb, $2 || '.'))
  AND ($3 = '' OR object = $3 OR starts_with(object, $3 || ':'))
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
ORDER BY id DESC LIMIT $6 OFFSET $7
"""

# Orders of today and what they come to; what is paid and not yet shipped; what runs short; jobs that gave up.
FIGURES = """
SELECT count(*) FILTER (WHERE created_at >= date_trunc('day', now())) AS orders_today,
       coalesce(sum(total) FILTER (WHERE created_at >= date_trunc('day', now())), 0)::bigint AS taken_today,
       count(*) FILTER (WHERE state IN ('confirmed', 'partially_shipped')) AS to_ship,
       (SELECT count(*) FROM stock_available a JOIN sale_variants v USING (variant_id)
        WHERE v.sellable AND a.available < $1) AS low_stock,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS failed_jobs
FROM orders WHERE state NOT IN ('payment_pending', 'payment_failed')
"""
NEWEST_ORDERS = (
    "SELECT number, state, email, total, currency, created_at FROM orders ORDER BY id DESC LIMIT 8"
)
LOWEST_STOCK = """
SELECT v.product_id, v.sku, v.product_title, v.variant_title, a.available
FROM stock_available a JOIN sale_variants v USING (variant_id)
WHERE v.sellable AND a.available < $1 ORDER BY a.available, v.variant_id LIMIT 8
"""
SCHEMA = "SELECT version_num FROM alembic_version"

JOBS = """
SELECT j.id, j.task_name, j.queue_name, j.status::text AS status, j.attempts, j.scheduled_at, e.at AS last_at
FROM procrastinate_jobs j LEFT JOIN LATERAL (
    SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id
) e ON true
WHERE j.status::text = $1 ORDER BY j.id DESC LIMIT $2 OFFSET $3
"""
COUNT_JOBS = "SELECT status::text AS status, count(*) AS jobs FROM procrastinate_jobs GROUP BY 1"
# As procrastinate's own retry does; a job that meanwhile runs or was retried is left alone.
RETRY_JOB = """
WITH job AS (SELECT id FROM procrastinate_jobs WHERE id = $1 AND status = 'failed' FOR UPDATE)
SELECT procrastinate_retry_job_v2(job.id, now(), NULL, NULL, NULL) FROM job
"""
JOB = "SELECT task_name, status::text AS status, attempts FROM procrastinate_jobs WHERE id = $1"
