"""Whether any product on sale matches a text query, asked of the index alone.

Expands only: code that does not know the function goes on asking the table.
"""

from alembic import op

revision = "0013_search"
down_revision = "0012_fulfilment"
branch_labels = None
depends_on = None

# The planner takes each query for one that matches many, and would read the table, or an index in its order,
# until the first match: the whole of it for a misspelt word. What is left to it is the text index's bitmap.
FINDS = """
CREATE FUNCTION search_finds(wanted tsquery) RETURNS boolean LANGUAGE plpgsql STABLE STRICT
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM products p WHERE p.published AND p.search @@ wanted);
END $$;
"""


def upgrade() -> None:
    op.execute(FINDS)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
