"""Uploaded pictures, until a worker has kept them."""

from alembic import op

revision = "0016_picture_uploads"
down_revision = "0015_gift_goods"
branch_labels = None
depends_on = None

UPLOADS = """
CREATE TABLE picture_uploads (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products,
    alt text NOT NULL,
    content bytea NOT NULL,
    fault text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX picture_uploads_of_product ON picture_uploads (product_id);
"""


def upgrade() -> None:
    op.execute(UPLOADS)


def downgrade() -> None:
    raise NotImplementedError("The schema is only expanded: roll back the image, not the schema.")
