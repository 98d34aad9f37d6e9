"""Several locations, buckets for hot stock, holds of carts, and what purchase reports need.

Expands only: code that knows none of it sees the units in buckets as gone, and so sells too little rather
than too much while both versions run.
"""

from alembic import op

revision = "0003_stock"
down_revision = "0002_catalog"
branch_labels = None
depends_on = None

LOCATIONS = """
-- Orders are allocated to the location with the lowest number first.
ALTER TABLE locations ADD COLUMN priority smallint NOT NULL DEFAULT 100;
ALTER TABLE locations ADD CHECK (code <> '' AND name <> '');
"""

STOCK = """
-- Into how many buckets the units are spread at the moment; 0 for all but hot items.
ALTER TABLE stock ADD COLUMN buckets smallint NOT NULL DEFAULT 0 CHECK (buckets >= 0);
-- Of a spread item only the sum over row and buckets means anything.
ALTER TABLE stock DROP CONSTRAINT stock_reserved_check;
ALTER TABLE stock ADD CONSTRAINT stock_reserved_check CHECK (reserved >= 0 OR buckets > 0);

-- Further rows of the same stock, so that the buyers of one item do not queue for one row. A unit may be
-- reserved in one bucket and shipped from another: `reserved` is a part of a sum and may be negative.
CREATE TABLE stock_buckets (
    variant_id bigint NOT NULL,
    location_id smallint NOT NULL,
    bucket smallint NOT NULL CHECK (bucket > 0),
    available integer NOT NULL DEFAULT 0 CHECK (available >= 0),
    reserved integer NOT NULL DEFAULT 0,
    PRIMARY KEY (variant_id, location_id, bucket)
) WITH (fillfactor = 20);

-- One row per place where units are; bucket 0 is the row in `stock`.
CREATE VIEW stock_places AS
    SELECT variant_id, location_id, 0::smallint AS bucket, available, reserved FROM stock
    UNION ALL SELECT variant_id, location_id, bucket, available, reserved FROM stock_buckets;
CREATE OR REPLACE VIEW stock_available AS
    SELECT variant_id, sum(available)::integer AS available FROM stock_places GROUP BY variant_id;
"""

LEDGER = """
-- A transfer is booked at both ends. `order_id`: the order that caused it; `actor`: the person who did it.
ALTER TABLE stock_movements DROP CONSTRAINT stock_movements_kind_check;
ALTER TABLE stock_movements ADD CONSTRAINT stock_movements_kind_check
    CHECK (kind IN ('received', 'restocked', 'adjusted', 'shipped', 'transferred'));
ALTER TABLE stock_movements ADD COLUMN order_id bigint, ADD COLUMN actor text NOT NULL DEFAULT '';
"""

HOLDS = """
-- The units that the cart holds while its shopper checks out: [[variant, location, units], …], a part of what
-- is reserved. What changes them moves the cart's version on, so that no order is made of stale ones.
ALTER TABLE carts ADD COLUMN held jsonb, ADD COLUMN held_since timestamptz, ADD COLUMN held_until timestamptz;
ALTER TABLE carts ADD CHECK (num_nulls(held, held_since, held_until) IN (0, 3));
CREATE INDEX carts_holding ON carts (held_until) WHERE held_until IS NOT NULL;
"""

REPORTS = """
-- Where a variant differs from the usual figures; see app.inventory.reports.
CREATE TABLE restock_rules (
    variant_id bigint PRIMARY KEY,
    low_at integer NOT NULL CHECK (low_at >= 0),
    lead_days integer NOT NULL CHECK (lead_days BETWEEN 1 AND 365),
    safety_units integer CHECK (safety_units >= 0)
);
-- The latest orders are at the end of the table: a block range index finds them and costs an order nothing.
CREATE INDEX orders_by_time ON orders USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);
"""


def upgrade() -> None:
    for part in (LOCATIONS, STOCK, LEDGER, HOLDS, REPORTS):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
