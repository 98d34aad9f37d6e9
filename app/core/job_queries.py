"""All SQL on the job queue beyond procrastinate's own; in psycopg's style, whose connector runs it."""

# As it was before it was fetched, for later. Without its queueing lock: one like it may be waiting by now.
PUT_BACK = """
UPDATE procrastinate_jobs
SET status = 'todo', worker_id = NULL, queueing_lock = NULL,
    scheduled_at = now() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND status = 'doing'
"""
