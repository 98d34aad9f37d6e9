"""What an order's total is made of: discounts, taxes, and the part that gift cards pay.

Expands only: an order of code that knows none of it has no discount, and its tax within its prices.
"""

from alembic import op

revision = "0005_money"
down_revision = "0004_api"
branch_labels = None
depends_on = None

ORDERS = """
-- lint: allow drop-constraint: the same check follows under a name of its own, wide enough for both versions
ALTER TABLE orders
    -- The sum of the lines' discounts. A discount on delivery has lowered `shipping` itself.
    ADD COLUMN discount bigint NOT NULL DEFAULT 0 CHECK (discount >= 0),
    -- The sum of the lines' taxes and of shipping_tax.
    ADD COLUMN tax bigint NOT NULL DEFAULT 0 CHECK (tax >= 0),
    -- Whether the prices hold the tax already.
    ADD COLUMN tax_included boolean NOT NULL DEFAULT true,
    ADD COLUMN shipping_tax bigint NOT NULL DEFAULT 0 CHECK (shipping_tax BETWEEN 0 AND tax),
    -- In basis points: 1900 is 19 %.
    ADD COLUMN shipping_tax_rate integer NOT NULL DEFAULT 0 CHECK (shipping_tax_rate BETWEEN 0 AND 10000),
    -- The part of the total that gift cards pay; the gateway takes the rest.
    ADD COLUMN gift_card bigint NOT NULL DEFAULT 0,
    -- What applied, in words and amounts: [{"title", "code", "amount", "shipping"}, …].
    ADD COLUMN benefits jsonb NOT NULL DEFAULT '[]',
    DROP CONSTRAINT orders_check,
    ADD CONSTRAINT orders_total CHECK (
        total = subtotal - discount + shipping + CASE WHEN tax_included THEN 0 ELSE tax END
        AND discount <= subtotal AND gift_card BETWEEN 0 AND total
    );
ALTER TABLE order_lines
    ADD COLUMN discount bigint NOT NULL DEFAULT 0,
    ADD COLUMN tax bigint NOT NULL DEFAULT 0 CHECK (tax >= 0),
    ADD COLUMN tax_rate integer NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 10000),
    ADD CHECK (discount BETWEEN 0 AND quantity * unit_price);
"""


def upgrade() -> None:
    op.execute(ORDERS)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
