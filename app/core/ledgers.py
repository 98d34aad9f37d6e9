"""What must hold of the job queue, which is the outbox of whatever commits a job with a fact."""

CHECKS = {
    "no job waits for longer than an hour beyond its time": """
        SELECT j.id, j.task_name, j.queue_name, e.at::text AS since, j.scheduled_at::text
        FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
        WHERE j.status = 'todo' AND greatest(e.at, j.scheduled_at) < now() - interval '1 hour'
    """,
    "no job waits for longer than an hour for a worker that knows its task": """
        SELECT j.id, j.task_name, e.at::text AS since
        FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
        WHERE j.status = 'todo' AND j.attempts = 0 AND e.at < now() - interval '1 hour' AND EXISTS (
            SELECT FROM procrastinate_events t WHERE t.job_id = j.id AND t.type = 'deferred_for_retry'
        )
    """,
}
