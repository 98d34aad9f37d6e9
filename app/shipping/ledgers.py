"""What must hold of parcels."""

CHECKS = {
    "a parcel's state is what its carrier told last of it": """
        SELECT s.id, s.state, last.status
        FROM shipments s JOIN LATERAL (
            SELECT status FROM tracking_events e WHERE e.shipment_id = s.id
            ORDER BY status IN ('delivered', 'returned') DESC, at DESC, id DESC LIMIT 1
        ) last ON true
        WHERE s.state <> last.status AND NOT (s.state = 'cancelled' AND last.status = 'announced')
    """,
    "no label is bought for longer than an hour": """
        SELECT id, order_id, draft_id, created_at FROM shipments
        WHERE state = 'buying' AND created_at < now() - interval '1 hour'
    """,
}
