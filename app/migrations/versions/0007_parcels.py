"""Sizes of variants, boxes, the shop's address, free delivery; parcels with their labels and tracking.

Expands only: a variant without a size counts by its weight, and code that knows no boxes quotes by weight.
"""

from alembic import op

revision = "0007_parcels"
down_revision = "0006_staff"
branch_labels = None
depends_on = None

SIZES = """
ALTER TABLE variants
    -- As it is packed; all three or none.
    ADD COLUMN length_mm integer CHECK (length_mm > 0),
    ADD COLUMN width_mm integer CHECK (width_mm > 0),
    ADD COLUMN height_mm integer CHECK (height_mm > 0),
    ADD CONSTRAINT variants_size CHECK (num_nulls(length_mm, width_mm, height_mm) IN (0, 3));
CREATE OR REPLACE VIEW sale_variants AS
SELECT v.id AS variant_id, v.product_id, v.sku, p.handle, p.title AS product_title, v.title AS variant_title,
       v.price, v.weight_grams, coalesce(v.image, p.image) AS image, p.published AND v.active AS sellable,
       v.requires_shipping, v.length_mm, v.width_mm, v.height_mm
FROM variants v JOIN products p ON p.id = v.product_id;
"""

BOXES = """
ALTER TABLE shipping_methods ADD COLUMN free_from bigint CHECK (free_from >= 0);

-- Inner sizes; `limit_grams` counts box and content. A freight box is for what fits no other.
CREATE TABLE shipping_boxes (
    code text PRIMARY KEY,
    title text NOT NULL,
    length_mm integer NOT NULL CHECK (length_mm > 0),
    width_mm integer NOT NULL CHECK (width_mm > 0),
    height_mm integer NOT NULL CHECK (height_mm > 0),
    tare_grams integer NOT NULL CHECK (tare_grams >= 0),
    limit_grams integer NOT NULL CHECK (limit_grams > tare_grams),
    freight boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true
);
INSERT INTO shipping_boxes VALUES
    ('s', 'Small box', 250, 175, 100, 90, 5000, false),
    ('m', 'Medium box', 375, 300, 135, 220, 10000, false),
    ('l', 'Large box', 600, 400, 400, 700, 31500, false),
    ('xl', 'Extra large box', 1200, 600, 600, 1800, 31500, false),
    ('pallet', 'Pallet', 1200, 800, 1800, 25000, 1025000, true);

-- Where parcels come from; without it no carrier can be asked.
CREATE TABLE shipping_origin (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    name text NOT NULL,
    line1 text NOT NULL,
    line2 text NOT NULL DEFAULT '',
    city text NOT NULL,
    region text NOT NULL DEFAULT '',
    postcode text NOT NULL,
    country char(2) NOT NULL,
    phone text NOT NULL DEFAULT ''
);
"""

SHIPMENTS = """
-- A parcel of a fulfilment. The row comes before the label: what `draft_id` names is bought once.
CREATE TABLE shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fulfilment_id bigint NOT NULL,
    order_id bigint NOT NULL REFERENCES orders,
    parcel smallint NOT NULL DEFAULT 1 CHECK (parcel > 0),
    state text NOT NULL CHECK (state IN ('buying', 'announced', 'in_transit', 'out_for_delivery',
        'available_for_pickup', 'delivered', 'returned', 'failed', 'cancelled')),
    -- '' with carrier and number typed by hand; else who sold the label, and its id there.
    source text NOT NULL DEFAULT '',
    draft_id text,
    carrier text NOT NULL,
    service text NOT NULL DEFAULT '',
    tracking_number text,
    tracking_url text NOT NULL DEFAULT '',
    box text NOT NULL DEFAULT '',
    grams integer NOT NULL DEFAULT 0 CHECK (grams >= 0),
    -- What the label cost the shop, in minor units.
    cost bigint CHECK (cost >= 0),
    label bytea,
    label_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    bought_at timestamptz,
    delivered_at timestamptz,
    UNIQUE (fulfilment_id, parcel),
    CHECK (state = 'buying' OR tracking_number IS NOT NULL)
);
CREATE INDEX ON shipments (order_id);
CREATE INDEX ON shipments (tracking_number);
CREATE INDEX shipments_to_buy ON shipments (created_at) WHERE state = 'buying';

-- Append-only: each thing a carrier saw, once, however often and in whichever order it was told.
CREATE TABLE tracking_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shipment_id bigint NOT NULL REFERENCES shipments,
    status text NOT NULL CHECK (status IN ('announced', 'in_transit', 'out_for_delivery',
        'available_for_pickup', 'delivered', 'returned', 'failed', 'cancelled')),
    at timestamptz NOT NULL,
    message text NOT NULL DEFAULT '',
    place text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (shipment_id, at, status, message)
);
"""


def upgrade() -> None:
    for part in (SIZES, BOXES, SHIPMENTS):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
