"""API keys, and the answers kept with their idempotency keys."""

from alembic import op

revision = "0004_api"
down_revision = "0003_stock"
branch_labels = None
depends_on = None

KEYS = """
CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The key's public part: finds the row, and names the key to people.
    prefix text NOT NULL UNIQUE,
    -- SHA-256 of the whole key: 256 random bits need no slow hash.
    hash bytea NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    per_minute integer NOT NULL CHECK (per_minute > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
"""

ANSWERS = """
-- status, headers and body are null while the first request with the key is at work.
CREATE TABLE api_answers (
    key_id bigint NOT NULL REFERENCES api_keys,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers text,
    body bytea,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key_id, key)
);
CREATE INDEX ON api_answers (claimed_at);
"""


def upgrade() -> None:
    for part in (KEYS, ANSWERS):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
