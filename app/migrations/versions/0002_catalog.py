"""Products, variants, collections, media, and what search needs.

Search is full text over what a product says of itself, with words that nobody used brought to the nearest one
that a product does use (pg_trgm over `search_words`): the vocabulary is small whatever the catalogue's size.
"""

from alembic import op

revision = "0002_catalog"
down_revision = "0001_commerce"
branch_labels = None
depends_on = None

# The bodies are parsed now, so the functions find the extensions' parts in whatever schema they are.
# Immutable, as a generated column asks: neither the dictionary nor the joining of texts changes its answers.
SEARCH = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

CREATE FUNCTION search_plain(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(unaccent('unaccent'::regdictionary, value));
CREATE FUNCTION search_joined(parts text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_string(parts, ' ');
"""

PRODUCTS = """
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle text NOT NULL UNIQUE,
    title text NOT NULL,
    -- Sanitized when it came in; pages show it as it is.
    body_html text NOT NULL DEFAULT '',
    vendor text NOT NULL DEFAULT '',
    category text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    -- Names of the options, in the order of a variant's option1, option2, option3.
    options text[] NOT NULL DEFAULT '{}',
    seo_title text NOT NULL DEFAULT '',
    seo_description text NOT NULL DEFAULT '',
    published boolean NOT NULL DEFAULT true,
    -- Of the active variants and the first picture: what a list of products shows, without a join.
    price_min bigint NOT NULL DEFAULT 0 CHECK (price_min >= 0),
    price_max bigint NOT NULL DEFAULT 0 CHECK (price_max >= price_min),
    compare_at bigint CHECK (compare_at > 0),
    image text,
    image_alt text NOT NULL DEFAULT '',
    -- The import that wrote the product last: each import has a number of its own.
    import_run bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', search_plain(title)), 'A')
        || setweight(to_tsvector('english', search_plain(
            kind || ' ' || vendor || ' ' || search_joined(tags))), 'B')
        || setweight(to_tsvector('english', search_plain(
            regexp_replace(body_html, '<[^>]*>', ' ', 'g'))), 'D')
    ) STORED
);
CREATE INDEX products_search ON products USING gin (search);
CREATE INDEX products_by_price ON products (price_min, id) WHERE published;
CREATE INDEX products_by_title ON products (title, id) WHERE published;
CREATE INDEX products_listed ON products (id) WHERE published;
CREATE SEQUENCE catalog_imports;

-- A variant is never deleted, carts and orders name it: it becomes inactive.
CREATE TABLE variants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products,
    position integer NOT NULL,
    -- '' for the only variant of a product without options.
    title text NOT NULL DEFAULT '',
    option1 text NOT NULL DEFAULT '',
    option2 text NOT NULL DEFAULT '',
    option3 text NOT NULL DEFAULT '',
    sku text NOT NULL DEFAULT '',
    barcode text NOT NULL DEFAULT '',
    price bigint NOT NULL CHECK (price >= 0),
    compare_at bigint CHECK (compare_at > 0),
    weight_grams integer NOT NULL DEFAULT 0 CHECK (weight_grams >= 0),
    requires_shipping boolean NOT NULL DEFAULT true,
    taxable boolean NOT NULL DEFAULT true,
    image text,
    active boolean NOT NULL DEFAULT true,
    UNIQUE (product_id, option1, option2, option3)
);
CREATE INDEX variants_by_sku ON variants (sku) WHERE sku <> '';

CREATE TABLE media (
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    position integer NOT NULL,
    -- Relative to MEDIA_URL, or a whole address.
    path text NOT NULL,
    alt text NOT NULL DEFAULT '',
    PRIMARY KEY (product_id, path)
);

CREATE TABLE collections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle text NOT NULL UNIQUE,
    title text NOT NULL,
    description text NOT NULL DEFAULT ''
);
CREATE TABLE collection_products (
    collection_id bigint NOT NULL REFERENCES collections ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    PRIMARY KEY (collection_id, product_id)
);
CREATE INDEX collection_products_by_product ON collection_products (product_id);

-- Every word of the catalogue with the number of products that use it; rebuilt after an import.
CREATE TABLE search_words (
    word text COLLATE "C" PRIMARY KEY,
    uses integer NOT NULL
);
CREATE INDEX search_words_near ON search_words USING gin (word gin_trgm_ops);
"""

# What commerce reads of the catalogue.
VIEW = """
CREATE VIEW sale_variants AS
SELECT v.id AS variant_id, v.product_id, v.sku, p.handle, p.title AS product_title, v.title AS variant_title,
       v.price, v.weight_grams, coalesce(v.image, p.image) AS image, p.published AND v.active AS sellable
FROM variants v JOIN products p ON p.id = v.product_id;
"""


def upgrade() -> None:
    for part in (SEARCH, PRODUCTS, VIEW):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
