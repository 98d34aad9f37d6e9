"""Inventory, carts, orders, payments and shipping.

Hot tables carry no foreign key to variants or stock: each insert would take a KEY SHARE lock on the hot row.
The inserting statements select from the referenced rows instead, and `app reconcile` finds what is left over.
"""

from alembic import op

revision = "0001_commerce"
down_revision = None
branch_labels = None
depends_on = None

INVENTORY = """
CREATE TABLE locations (
    id smallint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL
);
INSERT INTO locations VALUES (1, 'main', 'Main warehouse');

-- fillfactor: room for HOT updates of rows that change with each order.
CREATE TABLE stock (
    variant_id bigint NOT NULL,
    location_id smallint NOT NULL REFERENCES locations,
    available integer NOT NULL DEFAULT 0 CHECK (available >= 0),
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (variant_id, location_id)
) WITH (fillfactor = 50);
CREATE VIEW stock_available AS
    SELECT variant_id, sum(available)::integer AS available FROM stock GROUP BY variant_id;

-- Append-only. Per variant and location the sum of quantities (shipped is negative) = available + reserved.
CREATE TABLE stock_movements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    variant_id bigint NOT NULL,
    location_id smallint NOT NULL REFERENCES locations,
    kind text NOT NULL CHECK (kind IN ('received', 'restocked', 'adjusted', 'shipped')),
    quantity integer NOT NULL CHECK (quantity <> 0),
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON stock_movements (variant_id, location_id);

-- A row is a live claim; its end (released, shipped) deletes it. Their sum = stock.reserved.
CREATE TABLE reservations (
    order_id bigint NOT NULL,
    variant_id bigint NOT NULL,
    location_id smallint NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, variant_id, location_id)
);
"""

CARTS = """
CREATE TABLE carts (
    id uuid PRIMARY KEY,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'ordering', 'ordered')),
    -- Changes with each change of a line: an order is made of exactly the version that was priced.
    version integer NOT NULL DEFAULT 1,
    -- E-mail, address and shipping method as the checkout pages collected them.
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

CREATE TABLE cart_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cart_id uuid NOT NULL REFERENCES carts ON DELETE CASCADE,
    variant_id bigint NOT NULL,
    quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    UNIQUE (cart_id, variant_id)
);
"""

ORDERS = """
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text GENERATED ALWAYS AS ('S' || (100000 + id)::text) STORED UNIQUE,
    state text NOT NULL CHECK (state IN ('payment_pending', 'confirmed', 'payment_failed')),
    -- Lets a guest see the order; unguessable (128 random bits).
    token text NOT NULL,
    -- What the gateway knows this attempt by; random, so that a restored database never reuses one.
    payment_reference text NOT NULL UNIQUE,
    cart_id uuid NOT NULL,
    email text NOT NULL,
    shipping_address jsonb NOT NULL,
    shipping_method text NOT NULL,
    currency text NOT NULL,
    subtotal bigint NOT NULL CHECK (subtotal >= 0),
    shipping bigint NOT NULL CHECK (shipping >= 0),
    total bigint NOT NULL CHECK (total = subtotal + shipping),
    -- Where the shopper confirms the payment, while it waits for that.
    action_url text,
    -- While the payment is pending: when the recovery job must ask the gateway. This row is its own outbox.
    settle_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'payment_pending') = (settle_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX orders_to_settle ON orders (settle_at) WHERE settle_at IS NOT NULL;
-- A cart becomes one order at most, whatever the keys.
CREATE UNIQUE INDEX orders_of_cart ON orders (cart_id) WHERE state <> 'payment_failed';

CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders,
    position smallint NOT NULL,
    variant_id bigint NOT NULL,
    sku text NOT NULL,
    title text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (order_id, position)
);

CREATE TABLE order_history (
    order_id bigint NOT NULL REFERENCES orders,
    state text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, at, state)
);

-- status and answer are null while the first request with the key is at work.
-- json, not jsonb: it keeps the answer byte for byte.
CREATE TABLE checkout_keys (
    key text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    order_id bigint NOT NULL REFERENCES orders,
    status smallint,
    answer json,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE INDEX ON checkout_keys (order_id);
"""

PAYMENTS = """
-- Append-only: what the gateway said, once per fact, however often and by whichever way it came.
CREATE TABLE payment_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway text NOT NULL,
    key text NOT NULL,
    order_id bigint NOT NULL REFERENCES orders,
    kind text NOT NULL
        CHECK (kind IN ('requires_action', 'captured', 'declined', 'cancelled', 'refunded')),
    amount bigint NOT NULL CHECK (amount >= 0),
    payment_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway, key)
);
CREATE INDEX ON payment_events (order_id);
"""

SHIPPING = """
CREATE TABLE shipping_zones (
    code text PRIMARY KEY,
    title text NOT NULL
);
CREATE TABLE shipping_countries (
    country char(2) PRIMARY KEY,
    name text NOT NULL,
    zone text NOT NULL REFERENCES shipping_zones
);
CREATE TABLE shipping_methods (
    code text PRIMARY KEY,
    title text NOT NULL,
    position smallint NOT NULL
);
-- The price of a parcel of at most so many grams; heavier than every row means: not offered.
CREATE TABLE shipping_rates (
    method text NOT NULL REFERENCES shipping_methods,
    zone text NOT NULL REFERENCES shipping_zones,
    up_to_grams integer NOT NULL CHECK (up_to_grams > 0),
    price bigint NOT NULL CHECK (price >= 0),
    days text NOT NULL,
    PRIMARY KEY (method, zone, up_to_grams)
);
INSERT INTO shipping_zones VALUES
    ('home', 'Germany'), ('eu', 'European Union'), ('world', 'Rest of the world');
INSERT INTO shipping_countries VALUES
    ('DE', 'Germany', 'home'),
    ('AT', 'Austria', 'eu'),
    ('BE', 'Belgium', 'eu'),
    ('DK', 'Denmark', 'eu'),
    ('ES', 'Spain', 'eu'),
    ('FI', 'Finland', 'eu'),
    ('FR', 'France', 'eu'),
    ('IE', 'Ireland', 'eu'),
    ('IT', 'Italy', 'eu'),
    ('LU', 'Luxembourg', 'eu'),
    ('NL', 'Netherlands', 'eu'),
    ('PL', 'Poland', 'eu'),
    ('PT', 'Portugal', 'eu'),
    ('SE', 'Sweden', 'eu'),
    ('CH', 'Switzerland', 'world'),
    ('GB', 'United Kingdom', 'world'),
    ('NO', 'Norway', 'world'),
    ('US', 'United States', 'world'),
    ('CA', 'Canada', 'world');
INSERT INTO shipping_methods VALUES ('standard', 'Standard', 1), ('express', 'Express', 2);
INSERT INTO shipping_rates VALUES
    ('standard', 'home', 1000, 390, '2-3 working days'),
    ('standard', 'home', 5000, 590, '2-3 working days'),
    ('standard', 'home', 31500, 990, '2-4 working days'),
    ('standard', 'home', 1000000, 4900, '5-8 working days'),
    ('express', 'home', 1000, 990, 'next working day'),
    ('express', 'home', 31500, 1690, 'next working day'),
    ('standard', 'eu', 1000, 890, '3-6 working days'),
    ('standard', 'eu', 5000, 1390, '3-6 working days'),
    ('standard', 'eu', 31500, 2490, '4-7 working days'),
    ('standard', 'eu', 1000000, 9900, '8-12 working days'),
    ('express', 'eu', 1000, 1990, '1-2 working days'),
    ('express', 'eu', 31500, 3990, '1-2 working days'),
    ('standard', 'world', 1000, 1490, '6-12 working days'),
    ('standard', 'world', 5000, 2990, '6-12 working days'),
    ('standard', 'world', 31500, 6990, '8-15 working days'),
    ('standard', 'world', 1000000, 24900, '15-25 working days'),
    ('express', 'world', 1000, 3490, '2-4 working days'),
    ('express', 'world', 31500, 9990, '2-4 working days');
"""


def upgrade() -> None:
    for part in (INVENTORY, CARTS, ORDERS, PAYMENTS, SHIPPING):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
