"""Payments that are authorized first: what the store asks of the gateway later, and what comes of it.

Expands only: code that knows none of it takes payments at once, and its events mean what they meant.
"""

from alembic import op

revision = "0008_payments"
down_revision = "0007_parcels"
branch_labels = None
depends_on = None

EVENTS = """
ALTER TABLE payment_events DROP CONSTRAINT payment_events_kind_check;
ALTER TABLE payment_events ADD CONSTRAINT payment_events_kind_check CHECK (kind IN (
    'requires_action', 'authorized', 'captured', 'declined', 'cancelled', 'refunded', 'voided'
));
"""

OPERATIONS = """
-- What the store wants of the gateway, written before it is asked. A row that stays pending is the recovery
-- job's: the gateway carries out one key once, however often it is asked.
CREATE TABLE payment_operations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('capture', 'refund', 'void')),
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    -- Why the gateway refused it.
    failure text,
    -- What the gateway calls it; the key of its event.
    gateway_id text,
    settle_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    CHECK ((state = 'pending') = (settle_at IS NOT NULL)),
    CHECK ((state = 'done') = (gateway_id IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX ON payment_operations (order_id);
CREATE INDEX payment_operations_to_settle ON payment_operations (settle_at) WHERE settle_at IS NOT NULL;
"""


def upgrade() -> None:
    for part in (EVENTS, OPERATIONS):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
