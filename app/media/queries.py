"""All SQL on uploads."""

ADD = """
WITH added AS (
    INSERT INTO picture_uploads (product_id, alt, content) VALUES ($1, $2, $3) RETURNING id
)
SELECT added.id FROM added, LATERAL (
    -- One at a time: each is decoded in memory. The job commits with the upload.
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('media', 'media:keep_upload', 0, 'media', NULL,
            jsonb_build_object('upload_id', added.id), NULL)::procrastinate_job_to_defer_v1
    ])
) job
"""

FIND = "SELECT product_id, alt, content, fault FROM picture_uploads WHERE id = $1"

REFUSE = "UPDATE picture_uploads SET fault = $2 WHERE id = $1"

# Who gets the row adds the picture.
DROP = "DELETE FROM picture_uploads WHERE id = $1 RETURNING id"

REMOVE = "DELETE FROM picture_uploads WHERE id = $1 AND product_id = $2 RETURNING alt"

OF_PRODUCT = """
SELECT id, alt, fault, created_at FROM picture_uploads WHERE product_id = $1 ORDER BY id
"""

WAITS = "SELECT EXISTS (SELECT FROM picture_uploads WHERE id = $1 AND fault IS NULL)"
