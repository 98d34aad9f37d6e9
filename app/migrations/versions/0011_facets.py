"""What products are filtered by: their facets as one array, and whether something of them was in stock
lately.

Both are written with the prices, by the same statement. Expands only: code that knows neither reads the
tables.
"""

from alembic import op

revision = "0011_facets"
down_revision = "0010_benefits"
branch_labels = None
depends_on = None

# `vendor=Ceramica Nord`, `type=Mug`, `option.colour=Blue`: the group before the first equals sign.
FACETS = """
CREATE FUNCTION catalog_facets(product bigint) RETURNS text[] LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT f.name || '=' || f.value), '{}')
    FROM products p CROSS JOIN LATERAL (
        SELECT 'vendor' AS name, p.vendor AS value
        UNION ALL SELECT 'type', p.kind
        UNION ALL SELECT 'option.' || replace(lower(o.name), '=', ''), o.value
        FROM variants v CROSS JOIN LATERAL (
            VALUES (p.options[1], v.option1), (p.options[2], v.option2), (p.options[3], v.option3)
        ) o(name, value)
        WHERE v.product_id = p.id AND v.active AND o.name <> '' AND o.value <> 'Default Title'
    ) f
    WHERE p.id = product AND f.value <> '';
END;

ALTER TABLE products
    ADD COLUMN facets text[] NOT NULL DEFAULT '{}',
    -- As it was when last looked at; what a page says of a product is read from the stock itself.
    ADD COLUMN in_stock boolean NOT NULL DEFAULT true;
UPDATE products SET facets = catalog_facets(id);
CREATE INDEX products_facets ON products USING gin (facets);
CREATE INDEX products_newest ON products (id DESC) WHERE published;
"""


def upgrade() -> None:
    op.execute(FACETS)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
