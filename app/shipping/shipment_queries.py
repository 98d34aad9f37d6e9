"""All SQL on shipments and what carriers told of them."""

# The intent of a label, before anything is asked of the carrier. Nothing comes back when the parcel has one.
INTEND = """
INSERT INTO shipments (fulfilment_id, order_id, parcel, state, source, carrier, service, box, grams)
VALUES ($1, $2, $3, 'buying', $4, $5, $6, $7, $8)
ON CONFLICT (fulfilment_id, parcel) DO NOTHING RETURNING id
"""

BY_HAND = """
INSERT INTO shipments (fulfilment_id, order_id, parcel, state, carrier, tracking_number, tracking_url,
                       bought_at)
SELECT $1, $2, coalesce(max(parcel), 0) + 1, 'announced', $3, $4, $5, now()
FROM shipments WHERE fulfilment_id = $1
RETURNING id
"""

# With the address of the order and the box, both as the carrier needs them.
TO_BUY = """
SELECT s.id, s.state, s.draft_id, s.carrier, s.service, s.grams, s.source, o.number, o.shipping_address,
       b.code, b.title, b.length_mm, b.width_mm, b.height_mm, b.tare_grams, b.limit_grams, b.freight
FROM shipments s JOIN orders o ON o.id = s.order_id LEFT JOIN shipping_boxes b ON b.code = s.box
WHERE s.id = $1
"""

# Whoever comes first names the draft; everybody buys that one.
NAME_DRAFT = """
UPDATE shipments SET draft_id = coalesce(draft_id, $2) WHERE id = $1 AND state = 'buying' RETURNING draft_id
"""

BOUGHT = """
UPDATE shipments SET state = 'announced', carrier = $2, service = $3, tracking_number = $4, tracking_url = $5,
    cost = $6, label = $7, label_type = $8, bought_at = now()
WHERE id = $1 AND state = 'buying' RETURNING id
"""

OF_FULFILMENT = """
SELECT id, state, carrier, service, tracking_number, tracking_url, box, grams, cost,
       label IS NOT NULL AS printable
FROM shipments WHERE fulfilment_id = $1 AND state <> 'cancelled' ORDER BY parcel
"""

# One whose draft has a name may be sold by now: the worker finishes it.
CANCEL = """
WITH begun AS (
    DELETE FROM shipments WHERE fulfilment_id = ANY($1::bigint[]) AND state = 'buying' AND draft_id IS NULL
)
UPDATE shipments SET state = 'cancelled' WHERE fulfilment_id = ANY($1::bigint[]) AND state = 'announced'
"""

GIVE_UP = "DELETE FROM shipments WHERE id = $1 AND state = 'buying'"

# Older than a purchase takes: its process has died, or the carrier was away.
UNFINISHED = """
SELECT id FROM shipments WHERE state = 'buying' AND created_at < now() - make_interval(secs => $1)
ORDER BY created_at LIMIT 100
"""

LABEL = "SELECT label, label_type FROM shipments WHERE id = $1 AND fulfilment_id = $2 AND label IS NOT NULL"

# In the order of ids, so that two reports never wait for each other.
LOCK_NUMBERS = """
SELECT id, tracking_number, state FROM shipments WHERE tracking_number = ANY($1::text[]) AND source = $2
ORDER BY id FOR UPDATE
"""

LOCK = "SELECT id FROM shipments WHERE id = $1 AND state <> 'buying' FOR UPDATE"

ADD_EVENTS = """
INSERT INTO tracking_events (shipment_id, status, at, message, place)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
ON CONFLICT DO NOTHING
"""

# From all that is known, whatever came last: an end outweighs what was on the way, then the later one counts.
SETTLE = """
UPDATE shipments s SET state = last.status, delivered_at = last.delivered_at
FROM (
    SELECT DISTINCT ON (shipment_id) shipment_id, status,
           min(at) FILTER (WHERE status = 'delivered') OVER (PARTITION BY shipment_id) AS delivered_at
    FROM tracking_events WHERE shipment_id = ANY($1::bigint[])
    ORDER BY shipment_id, status IN ('delivered', 'returned') DESC, at DESC, id DESC
) last
-- That a label was printed is no news of one that was cancelled.
WHERE s.id = last.shipment_id AND (s.state <> 'cancelled' OR last.status <> 'announced')
"""

# The job commits with the events; each fulfilment looks for itself whether all its parcels have arrived.
DEFER_DELIVERY = """
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('orders', 'orders:deliver_parcel', 0, 'order:' || order_id, NULL,
        jsonb_build_object('fulfilment_id', fulfilment_id), NULL)::procrastinate_job_to_defer_v1
    ORDER BY fulfilment_id
)) FROM (
    SELECT DISTINCT order_id, fulfilment_id FROM shipments
    WHERE id = ANY($1::bigint[]) AND state = 'delivered'
) arrived HAVING count(*) > 0
"""

LOCK_OPEN = """
SELECT id FROM shipments
WHERE fulfilment_id = $1 AND state NOT IN ('buying', 'delivered', 'returned', 'cancelled')
ORDER BY id FOR UPDATE
"""

ARRIVED = """
SELECT coalesce(bool_and(state = 'delivered'), false) FROM shipments
WHERE fulfilment_id = $1 AND state <> 'cancelled'
"""

# Of an order: its parcels, without those that were never sent, and what was seen of each, latest first.
OF_ORDER = """
SELECT s.id, s.state, s.carrier, s.service, s.tracking_number, s.tracking_url, s.bought_at, s.delivered_at,
    coalesce((SELECT json_agg(json_build_object('status', e.status, 'at', e.at, 'message', e.message,
                                                'place', e.place) ORDER BY e.at DESC, e.id DESC)
              FROM tracking_events e WHERE e.shipment_id = s.id), '[]') AS events
FROM shipments s
WHERE s.order_id = $1 AND s.state NOT IN ('buying', 'cancelled')
    AND NOT EXISTS (SELECT FROM fulfilments f WHERE f.id = s.fulfilment_id AND f.state = 'dropped')
ORDER BY s.fulfilment_id, s.parcel
"""

ORDER = "SELECT id, number, token FROM orders WHERE number = $1"
