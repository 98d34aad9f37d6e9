"""Fulfilments, cancellations, invoices and mails of orders."""

from alembic import op

revision = "0012_fulfilment"
down_revision = "0011_facets"
branch_labels = None
depends_on = None

STATES = """
ALTER TABLE orders DROP CONSTRAINT orders_state_check;
ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state IN ('payment_pending', 'payment_failed',
    'confirmed', 'partially_shipped', 'shipped', 'delivered', 'cancelled')) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_state_check;
ALTER TABLE order_history ADD COLUMN actor text NOT NULL DEFAULT '';
ALTER TABLE order_lines ADD COLUMN cancelled integer NOT NULL DEFAULT 0;
ALTER TABLE order_lines ADD CHECK (cancelled BETWEEN 0 AND quantity);
CREATE INDEX ON orders (created_at DESC, id DESC);
CREATE INDEX ON orders (lower(email));
"""

FULFILMENTS = """
-- What one location sends at once. Its units stay reserved until it is shipped; a dropped one holds nothing.
CREATE TABLE fulfilments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    number smallint NOT NULL,
    location_id smallint NOT NULL REFERENCES locations,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'shipped', 'delivered', 'dropped')),
    carrier text NOT NULL DEFAULT '',
    tracking_number text NOT NULL DEFAULT '',
    tracking_url text NOT NULL DEFAULT '',
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    shipped_at timestamptz,
    delivered_at timestamptz,
    UNIQUE (order_id, number)
);
CREATE TABLE fulfilment_lines (
    fulfilment_id bigint NOT NULL REFERENCES fulfilments,
    position smallint NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (fulfilment_id, position)
);
"""

INVOICES = """
-- One row per kind and year, counted in the transaction that issues: a rollback takes the number back.
CREATE TABLE invoice_series (
    kind text NOT NULL,
    year smallint NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (kind, year)
);
CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
    year smallint NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    number text NOT NULL UNIQUE,
    order_id bigint NOT NULL REFERENCES orders,
    -- All that is printed, as it was then.
    content json NOT NULL,
    issued_at timestamptz NOT NULL,
    UNIQUE (kind, year, sequence)
);
CREATE INDEX ON invoices (order_id);
CREATE UNIQUE INDEX invoice_of_order ON invoices (order_id) WHERE kind = 'invoice';
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued % is never changed: issue a credit note', OLD.kind;
END $$;
CREATE TRIGGER invoices_stand BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

MAILS = """
-- The outbox: a row commits with what it tells of, and is tried until the mail server has taken it.
CREATE TABLE mails (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    kind text NOT NULL CHECK (kind IN ('confirmation', 'shipping', 'cancellation', 'refund')),
    -- Nothing is told twice unless somebody asks for it.
    key text NOT NULL UNIQUE,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    failure text,
    CHECK (sent_at IS NULL OR due_at IS NULL)
);
CREATE INDEX mails_due ON mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ON mails (order_id);
"""


def upgrade() -> None:
    for part in (STATES, FULFILMENTS, INVOICES, MAILS):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
