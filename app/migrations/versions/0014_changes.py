"""Orders by when they changed, for those who follow them."""

from alembic import op

revision = "0014_changes"
down_revision = "0013_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows come in the order of time, so ranges of blocks are all that is kept: kilobytes at any size.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS order_history_by_time")
        op.execute("""
            CREATE INDEX CONCURRENTLY order_history_by_time ON order_history
            USING brin (at) WITH (pages_per_range = 16, autosummarize = on)
        """)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
