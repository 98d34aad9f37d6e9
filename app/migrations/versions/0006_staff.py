"""Staff, the links that make them, and the audit log of what they change.

No secret that could be used: passwords are argon2 hashes, links and recovery codes are hashes of long random
values, and the second factor needs the session key besides `totp_nonce`.
"""

from alembic import op

revision = "0006_staff"
down_revision = "0005_money"
branch_labels = None
depends_on = None

STAFF = """
CREATE TABLE staff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    password text NOT NULL,
    totp_nonce bytea NOT NULL,
    -- The last 30-second step whose code was used: none is good twice.
    totp_step bigint NOT NULL DEFAULT 0,
    -- A session is good while it carries this number: one more signs the member out everywhere.
    session_epoch integer NOT NULL DEFAULT 1,
    disabled_at timestamptz,
    signed_in_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX staff_by_email ON staff (lower(email));

CREATE TABLE staff_recovery_codes (
    staff_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (staff_id, code_hash)
);

-- A one-time link: to become a member of staff, or to set password and second factor anew.
CREATE TABLE staff_links (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    purpose text NOT NULL CHECK (purpose IN ('first', 'invite', 'recover')),
    staff_id bigint REFERENCES staff,
    email text NOT NULL DEFAULT '',
    roles text[] NOT NULL DEFAULT '{}',
    totp_nonce bytea NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK ((purpose = 'recover') = (staff_id IS NOT NULL))
);
"""

AUDIT = """
-- Append-only. staff_id without a reference: the log outlives everything it speaks of.
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    staff_id bigint,
    who text NOT NULL,
    address text NOT NULL,
    request_id text NOT NULL,
    verb text NOT NULL,
    object text NOT NULL,
    outcome text NOT NULL DEFAULT 'done' CHECK (outcome IN ('done', 'begun', 'failed')),
    before jsonb,
    after jsonb
);
CREATE INDEX ON audit_log (object, id);
CREATE INDEX ON audit_log (who, id);
CREATE INDEX ON audit_log (verb, id);
"""


def upgrade() -> None:
    for part in (STAFF, AUDIT):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
