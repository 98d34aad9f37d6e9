"""What must hold of the job queue, which is the outbox of whatever commits a job with a fact."""

CHECKS = {
    "no job waits for longer than an hour beyond its time": """
        SELECT j.id, j.task_name, j.queue_name, e.at::text AS since, j.scheduled_at::text
        FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
        WHERE j.status = 'todo' AND greatest(e.at, j.scheduled_at) < now() - interval '1 hour'
    """,
}
