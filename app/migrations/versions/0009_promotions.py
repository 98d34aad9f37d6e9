"""Promotions, vouchers and gift cards with their ledgers, and tax rates with those of the countries served.

What an order uses up is booked by `book_benefits` inside the statement that places it, and given back by
`release_benefits` inside the one that ends it. Expands only: old code neither grants nor books any of it.
"""

from alembic import op

revision = "0009_promotions"
down_revision = "0008_payments"
branch_labels = None
depends_on = None

PROMOTIONS = """
CREATE TABLE promotions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL CHECK (title <> ''),
    -- By itself, or only for who has one of its codes.
    automatic boolean NOT NULL,
    active boolean NOT NULL DEFAULT true,
    -- As app.pricing.basket names and types its parts: {"type": "percent_off", "percent": 1000}.
    action jsonb NOT NULL,
    -- What it is for; everything when both are empty.
    products bigint[] NOT NULL DEFAULT '{}',
    collections bigint[] NOT NULL DEFAULT '{}',
    minimum_spend bigint NOT NULL DEFAULT 0 CHECK (minimum_spend >= 0),
    minimum_quantity integer NOT NULL DEFAULT 0 CHECK (minimum_quantity >= 0),
    starts_at timestamptz,
    ends_at timestamptz CHECK (ends_at > starts_at),
    -- Overall; spread over promotion_slots.
    usage_limit integer CHECK (usage_limit > 0),
    -- Per e-mail address, without regard to case.
    per_customer integer CHECK (per_customer BETWEEN 1 AND 100),
    first_order boolean NOT NULL DEFAULT false,
    priority integer NOT NULL DEFAULT 100,
    exclusive boolean NOT NULL DEFAULT false,
    stack_group text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The uses of a limited promotion are counted in several rows, so that its buyers do not queue for one.
CREATE TABLE promotion_slots (
    promotion_id bigint NOT NULL REFERENCES promotions,
    slot smallint NOT NULL,
    used integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND most),
    most integer NOT NULL,
    PRIMARY KEY (promotion_id, slot)
) WITH (fillfactor = 20);

-- One row per order and promotion, while the order stands. `nth` counts a customer's uses where that matters.
CREATE TABLE promotion_uses (
    order_id bigint NOT NULL,
    promotion_id bigint NOT NULL,
    code text,
    customer text NOT NULL,
    nth smallint,
    slot smallint,
    PRIMARY KEY (order_id, promotion_id)
);
CREATE UNIQUE INDEX promotion_uses_by_customer ON promotion_uses (promotion_id, customer, nth)
    WHERE nth IS NOT NULL;

-- Codes are kept in capitals, without spaces and hyphens.
CREATE TABLE vouchers (
    code text PRIMARY KEY CHECK (code ~ '^[A-Z0-9]{3,32}$'),
    promotion_id bigint NOT NULL REFERENCES promotions,
    single_use boolean NOT NULL,
    -- The order that used a code for single use up.
    order_id bigint,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON vouchers (promotion_id);
CREATE INDEX ON vouchers (order_id) WHERE order_id IS NOT NULL;

-- First orders, and a customer's own.
CREATE INDEX orders_by_email ON orders (lower(email));
ALTER TABLE carts
    ADD COLUMN codes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN gift_cards bigint[] NOT NULL DEFAULT '{}';
"""

GIFT_CARDS = """
CREATE TABLE gift_cards (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SHA-256 of the code, which is 80 random bits: who reads this table cannot spend.
    code_hash bytea NOT NULL UNIQUE,
    last4 text NOT NULL,
    currency text NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0),
    active boolean NOT NULL DEFAULT true,
    expires_at timestamptz,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Append-only; a card's balance is the sum of its amounts.
CREATE TABLE gift_card_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gift_card_id bigint NOT NULL REFERENCES gift_cards,
    kind text NOT NULL CHECK (kind IN ('issued', 'redeemed', 'given_back', 'adjusted')),
    amount bigint NOT NULL CHECK (amount <> 0 AND (kind = 'adjusted' OR (kind = 'redeemed') = (amount < 0))),
    order_id bigint,
    -- Unique per card: a repeated request books once.
    key text NOT NULL,
    actor text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gift_card_id, key)
);
CREATE INDEX ON gift_card_events (order_id) WHERE order_id IS NOT NULL;
"""

# Raises SQLSTATE PR001, its detail says what ran out: 'gift_card <id>' or 'promotion <id>'.
# Cards come first, then promotions, each in the order of ids: no two orders wait for each other in a ring.
BOOK = """
CREATE FUNCTION book_benefits(
    this_order bigint, buyer text, promotion_ids bigint[], codes text[], card_ids bigint[], amounts bigint[]
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    card record;
    rule record;
    most integer;
    turn smallint;
    free smallint;
BEGIN
    FOR card IN SELECT * FROM unnest(card_ids, amounts) AS c(id, amount) ORDER BY id LOOP
        UPDATE gift_cards SET balance = balance - card.amount
        WHERE id = card.id AND balance >= card.amount AND active AND coalesce(expires_at > now(), true);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a gift card has changed'
                USING ERRCODE = 'PR001', DETAIL = 'gift_card ' || card.id;
        END IF;
        INSERT INTO gift_card_events (gift_card_id, kind, amount, order_id, key)
        VALUES (card.id, 'redeemed', -card.amount, this_order, 'redeemed:' || this_order);
    END LOOP;
    FOR rule IN
        SELECT p.*, a.code FROM unnest(promotion_ids, codes) AS a(id, code) JOIN promotions p USING (id)
        ORDER BY p.id
    LOOP
        IF NOT rule.active OR rule.starts_at > now() OR rule.ends_at <= now() OR rule.first_order AND EXISTS (
            SELECT FROM orders WHERE lower(email) = buyer AND id <> this_order
                AND state NOT IN ('payment_failed', 'cancelled')
        ) THEN
            RAISE EXCEPTION 'a promotion has ended' USING ERRCODE = 'PR001', DETAIL = 'promotion ' || rule.id;
        END IF;
        IF rule.code IS NOT NULL THEN
            UPDATE vouchers SET order_id = this_order
            WHERE code = rule.code AND single_use AND order_id IS NULL;
            IF NOT FOUND AND NOT EXISTS (SELECT FROM vouchers WHERE code = rule.code AND NOT single_use) THEN
                RAISE EXCEPTION 'a code is used' USING ERRCODE = 'PR001', DETAIL = 'promotion ' || rule.id;
            END IF;
        END IF;
        free := NULL;
        IF rule.usage_limit IS NOT NULL THEN
            -- A row that nobody is at; only when all are taken, wait for one.
            SELECT slot INTO free FROM promotion_slots s
            WHERE s.promotion_id = rule.id AND s.used < s.most
            ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED;
            IF free IS NULL THEN
                SELECT slot INTO free FROM promotion_slots s
                WHERE s.promotion_id = rule.id AND s.used < s.most ORDER BY slot LIMIT 1 FOR UPDATE;
            END IF;
            IF free IS NULL THEN
                RAISE EXCEPTION 'a promotion is used up'
                    USING ERRCODE = 'PR001', DETAIL = 'promotion ' || rule.id;
            END IF;
            UPDATE promotion_slots SET used = used + 1 WHERE promotion_id = rule.id AND slot = free;
        END IF;
        -- The unique index decides who of several requests of one customer is the nth.
        most := coalesce(rule.per_customer, CASE WHEN rule.first_order THEN 1 END);
        turn := CASE WHEN most IS NOT NULL THEN 1 END;
        LOOP
            INSERT INTO promotion_uses (order_id, promotion_id, code, customer, nth, slot)
            VALUES (this_order, rule.id, rule.code, buyer, turn, free)
            ON CONFLICT (promotion_id, customer, nth) WHERE nth IS NOT NULL DO NOTHING;
            EXIT WHEN FOUND;
            turn := turn + 1;
            IF turn > most THEN
                RAISE EXCEPTION 'a customer''s uses are used up'
                    USING ERRCODE = 'PR001', DETAIL = 'promotion ' || rule.id;
            END IF;
        END LOOP;
    END LOOP;
    RETURN cardinality(card_ids) + cardinality(promotion_ids);
END $$;

-- What an order used goes back; of gift cards what it has not got back yet. Once is as good as often.
CREATE FUNCTION release_benefits(this_order bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    given integer := 0;
    card record;
    use record;
    rest bigint;
BEGIN
    FOR card IN
        SELECT DISTINCT gift_card_id AS id FROM gift_card_events WHERE order_id = this_order ORDER BY 1
    LOOP
        -- Added up under the lock: a refund may be at work.
        PERFORM FROM gift_cards WHERE id = card.id FOR UPDATE;
        SELECT -sum(amount) INTO rest FROM gift_card_events
        WHERE order_id = this_order AND gift_card_id = card.id;
        CONTINUE WHEN rest <= 0;
        INSERT INTO gift_card_events (gift_card_id, kind, amount, order_id, key)
        VALUES (card.id, 'given_back', rest, this_order, 'released:' || this_order);
        UPDATE gift_cards SET balance = balance + rest WHERE id = card.id;
        given := given + 1;
    END LOOP;
    UPDATE vouchers SET order_id = NULL WHERE order_id = this_order;
    FOR use IN SELECT promotion_id AS id FROM promotion_uses WHERE order_id = this_order ORDER BY 1 LOOP
        WITH gone AS (
            DELETE FROM promotion_uses WHERE order_id = this_order AND promotion_id = use.id RETURNING *
        )
        UPDATE promotion_slots s SET used = s.used - 1 FROM gone g
        WHERE s.promotion_id = g.promotion_id AND s.slot = g.slot;
        given := given + 1;
    END LOOP;
    RETURN given;
END $$;
"""

TAXES = """
ALTER TABLE products ADD COLUMN tax_class text NOT NULL DEFAULT 'standard' CHECK (tax_class <> '');
CREATE OR REPLACE VIEW sale_variants AS
SELECT v.id AS variant_id, v.product_id, v.sku, p.handle, p.title AS product_title, v.title AS variant_title,
       v.price, v.weight_grams, coalesce(v.image, p.image) AS image, p.published AND v.active AS sellable,
       v.requires_shipping, v.length_mm, v.width_mm, v.height_mm,
       -- Of what is marked as not taxable there is no rate.
       CASE WHEN v.taxable THEN p.tax_class ELSE 'none' END AS tax_class
FROM variants v JOIN products p ON p.id = v.product_id;

-- Countries where prices are shown without tax, which is then added; elsewhere the price holds it.
-- `home`: where a shopper is taken to be who has not said so yet.
CREATE TABLE tax_regions (
    country char(2) PRIMARY KEY,
    tax_included boolean NOT NULL DEFAULT true,
    home boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX tax_regions_home ON tax_regions (home) WHERE home;

-- In basis points. The narrowest row that fits counts: by the start of the postcode, then by subdivision.
CREATE TABLE tax_rates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country char(2) NOT NULL,
    subdivision text NOT NULL DEFAULT '',
    postcode text NOT NULL DEFAULT '',
    tax_class text NOT NULL,
    rate integer NOT NULL CHECK (rate BETWEEN 0 AND 10000),
    -- Where the rate was read, and when.
    source text NOT NULL,
    UNIQUE (country, subdivision, postcode, tax_class)
);
INSERT INTO tax_regions (country, tax_included, home) VALUES
    ('DE', true, true), ('US', false, false), ('CA', false, false);
"""

# The standard rate, and the general reduced one (for a class of products that is due another of a country's
# reduced rates, a merchant adds a class). Denmark has one rate.
RATES = {
    "AT": (2000, 1000),
    "BE": (2100, 600),
    "DE": (1900, 700),
    "DK": (2500, 2500),
    "ES": (2100, 1000),
    "FI": (2550, 1350),
    "FR": (2000, 550),
    "IE": (2300, 1350),
    "IT": (2200, 1000),
    "LU": (1700, 800),
    "NL": (2100, 900),
    "PL": (2300, 800),
    "PT": (2300, 600),
    "SE": (2500, 1200),
}
SOURCE = (
    "European Commission, VAT rates applied in the Member States (Taxes in Europe Database), as of 2026-01"
)
# Parts of countries outside the Union's VAT territory (Directive 2006/112/EC, article 6), and the rate of two
# Austrian valleys that only a German road leads to (UStG 1994, section 10 paragraph 4).
EXCEPTIONS = {
    ("AT", "6691"): 1900,
    ("AT", "6991"): 1900,
    ("AT", "6992"): 1900,
    ("AT", "6993"): 1900,
    ("DE", "27498"): 0,
    ("DE", "78266"): 0,
    ("ES", "35"): 0,
    ("ES", "38"): 0,
    ("ES", "51"): 0,
    ("ES", "52"): 0,
    ("FI", "22"): 0,
    ("IT", "23041"): 0,
}


def upgrade() -> None:
    for part in (PROMOTIONS, GIFT_CARDS, BOOK, TAXES):
        op.execute(part)
    rows = []
    for country, (standard, reduced) in RATES.items():
        rows += [(country, "", "standard", standard), (country, "", "reduced", reduced)]
    for (country, postcode), rate in EXCEPTIONS.items():
        reduced = min(rate, RATES[country][1])
        rows += [(country, postcode, "standard", rate), (country, postcode, "reduced", reduced)]
    values = ", ".join(f"('{a}', '{b}', '{c}', {d}, '{SOURCE}')" for a, b, c, d in rows)
    op.execute(
        f"INSERT INTO tax_rates (country, postcode, tax_class, rate, source) VALUES {values}"  # noqa: S608  # the constants above
    )


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
