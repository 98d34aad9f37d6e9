"""The SQL that reads stock for other systems. What is spread over buckets shows as one."""

_LEVEL = """
SELECT s.variant_id, v.sku, s.location_id, l.code AS location,
       s.available + coalesce(b.available, 0) AS available, s.reserved + coalesce(b.reserved, 0) AS reserved
FROM stock s JOIN locations l ON l.id = s.location_id JOIN sale_variants v ON v.variant_id = s.variant_id
LEFT JOIN LATERAL (
    SELECT sum(available)::integer AS available, sum(reserved)::integer AS reserved FROM stock_buckets
    WHERE s.buckets > 0 AND variant_id = s.variant_id AND location_id = s.location_id
) b ON true"""

LIST = f"""{_LEVEL}
WHERE (s.variant_id, s.location_id) > ($1::bigint, $2::integer)
  AND ($4::bigint IS NULL OR s.variant_id = $4) AND ($5::text IS NULL OR l.code = $5)
ORDER BY s.variant_id, s.location_id LIMIT $3
"""

LEVELS = f"{_LEVEL} WHERE s.variant_id = ANY($1::bigint[]) AND l.code = ANY($2::text[]) ORDER BY 1, 3"

UNKNOWN_VARIANTS = """
SELECT w.id FROM unnest($1::bigint[]) AS w(id)
WHERE NOT EXISTS (SELECT FROM sale_variants v WHERE v.variant_id = w.id)
"""

LOCATION = "SELECT id FROM locations WHERE code = $1"

RESERVATIONS = """
SELECT r.order_id, o.number, r.variant_id, r.location_id, l.code AS location, r.quantity
FROM reservations r JOIN orders o ON o.id = r.order_id JOIN locations l ON l.id = r.location_id
WHERE (r.order_id, r.variant_id, r.location_id) > ($1::bigint, $2::bigint, $3::integer)
  AND ($5::text IS NULL OR o.number = $5)
ORDER BY r.order_id, r.variant_id, r.location_id LIMIT $4
"""
