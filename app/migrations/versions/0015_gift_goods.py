"""Gift cards as goods: which variants are gift cards, and the cards that sold units became."""

from alembic import op

revision = "0015_gift_goods"
down_revision = "0014_changes"
branch_labels = None
depends_on = None

VARIANTS = """
ALTER TABLE variants ADD COLUMN gift_card boolean NOT NULL DEFAULT false;
CREATE OR REPLACE VIEW sale_variants AS
SELECT v.id AS variant_id, v.product_id, v.sku, p.handle, p.title AS product_title, v.title AS variant_title,
       v.price, v.weight_grams, coalesce(v.image, p.image) AS image, p.published AND v.active AS sellable,
       v.requires_shipping AND NOT v.gift_card AS requires_shipping, v.length_mm, v.width_mm, v.height_mm,
       -- Of what is marked as not taxable there is no rate, nor of gift cards: see app.giftcards.sales.
       CASE WHEN v.gift_card THEN 'gift card' WHEN v.taxable THEN p.tax_class ELSE 'none' END AS tax_class
FROM variants v JOIN products p ON p.id = v.product_id;
"""

SALES = """
-- Each unit that was sent is one card; who sends it holds the order's row.
CREATE TABLE sold_gift_cards (
    order_id bigint NOT NULL REFERENCES orders,
    position smallint NOT NULL,
    unit integer NOT NULL CHECK (unit > 0),
    gift_card_id bigint NOT NULL UNIQUE REFERENCES gift_cards,
    taken_back_at timestamptz,
    PRIMARY KEY (order_id, position, unit)
);
"""

MAILS = """
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check
    CHECK (kind IN ('confirmation', 'shipping', 'cancellation', 'refund', 'gift_card')) NOT VALID;
"""


def upgrade() -> None:
    for part in (VARIANTS, SALES, MAILS):
        op.execute(part)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE mails VALIDATE CONSTRAINT mails_kind_check")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS variants_gift_cards")
        op.execute("CREATE INDEX CONCURRENTLY variants_gift_cards ON variants (id) WHERE gift_card")


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
