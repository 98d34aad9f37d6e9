"""Gives gift cards, codes and uses of promotions back in the transaction that cancels an order, whoever does.

A trigger, so that no way of cancelling can forget it: this is money. It fires on that
one change of state only.
"""

from alembic import op

revision = "0010_benefits"
down_revision = "0009_promotions"
branch_labels = None
depends_on = None

RELEASE = """
CREATE FUNCTION release_cancelled_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM release_benefits(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER release_benefits AFTER UPDATE OF state ON orders FOR EACH ROW
    WHEN (NEW.state = 'cancelled' AND OLD.state <> 'cancelled')
    EXECUTE FUNCTION release_cancelled_order();
"""


def upgrade() -> None:
    op.execute(RELEASE)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
