"""All SQL on the answers that are kept with idempotency keys."""

# One row when the key is ours to work on: new, or left behind by a process that died with it.
CLAIM = """
INSERT INTO api_answers AS a (key_id, key, fingerprint) VALUES ($1, $2, $3)
ON CONFLICT (key_id, key) DO UPDATE SET claimed_at = now()
WHERE a.status IS NULL AND a.fingerprint = excluded.fingerprint
  AND a.claimed_at < now() - make_interval(secs => $4)
RETURNING 1
"""

FIND = "SELECT fingerprint, status, headers, body FROM api_answers WHERE key_id = $1 AND key = $2"

FINISH = """
UPDATE api_answers SET status = $3, headers = $4, body = $5 WHERE key_id = $1 AND key = $2
"""

LET_GO = "DELETE FROM api_answers WHERE key_id = $1 AND key = $2 AND status IS NULL"

DELETE_OLD = """
DELETE FROM api_answers WHERE (key_id, key) IN (
    SELECT key_id, key FROM api_answers WHERE claimed_at < now() - make_interval(days => $1) LIMIT 10000
)
"""
