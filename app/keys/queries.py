"""All SQL on API keys."""

CREATE = """
INSERT INTO api_keys (prefix, hash, name, scopes, per_minute, expires_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, created_at
"""

_KEY = (
    """id, prefix, name, scopes, per_minute, expires_at, created_at, created_by, last_used_at, revoked_at"""
)

# `unseen`: the use is written down at most once a minute, so that a busy key does not always write.
FIND = """
SELECT id, hash, name, scopes, per_minute,
       last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS unseen
FROM api_keys
WHERE prefix = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

USE = """
UPDATE api_keys SET last_used_at = now()
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""

LIST = f"SELECT {_KEY} FROM api_keys ORDER BY id"  # noqa: S608

REVOKE = f"""
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE prefix = $1 RETURNING {_KEY}
"""  # noqa: S608
