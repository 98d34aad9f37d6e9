"""All SQL of the purchase reports and of the back office's lists; the formulas are explained in `reports`."""

_FIGURES = """
WITH days AS (
    SELECT l.variant_id, o.created_at::date AS day, sum(l.quantity) AS units
    FROM orders o JOIN order_lines l ON l.order_id = o.id
    WHERE o.created_at >= now() - make_interval(days => $1::integer)
        AND o.state NOT IN ('payment_pending', 'payment_failed', 'cancelled')
    GROUP BY 1, 2
), sales AS (
    -- The variance over all $1 days from the sums over those with a sale.
    SELECT variant_id, sum(units)::integer AS sold, sum(units) / $1::float8 AS velocity,
           sqrt(greatest(sum(units * units) - sum(units) ^ 2 / $1, 0) / greatest($1 - 1, 1)) AS deviation
    FROM days GROUP BY 1
), units AS (
    SELECT variant_id, sum(available)::integer AS available FROM stock_places GROUP BY 1
), base AS (
    SELECT v.variant_id, v.sku,
           v.product_title || CASE v.variant_title WHEN '' THEN '' ELSE ' – ' || v.variant_title END AS title,
           coalesce(u.available, 0) AS available, coalesce(s.sold, 0) AS sold,
           coalesce(s.velocity, 0)::float8 AS velocity,
           coalesce(r.low_at, $2::integer) AS low_at, coalesce(r.lead_days, $3::integer) AS lead_days,
           coalesce(r.safety_units, ceil($4::float8 * coalesce(s.deviation, 0)
               * sqrt(coalesce(r.lead_days, $3))))::integer AS safety
    FROM sale_variants v LEFT JOIN units u USING (variant_id) LEFT JOIN sales s USING (variant_id)
    LEFT JOIN restock_rules r USING (variant_id)
    WHERE v.sellable
), figures AS (
    SELECT *, ceil(velocity * lead_days)::integer + safety AS reorder_at,
           CASE WHEN velocity > 0 THEN available / velocity END AS days_of_cover
    FROM base
)
SELECT f.*, greatest(0, reorder_at + ceil(velocity * $5::integer)::integer - available) AS suggested,
       (SELECT min(created_at) FROM stock_movements m
        WHERE m.variant_id = f.variant_id AND m.kind = 'received') AS first_received
FROM figures f WHERE $6::float8 > 0
"""
_PAGE = "LIMIT $7 OFFSET $8"

LOW = f"{_FIGURES} AND available <= low_at ORDER BY available, velocity DESC, variant_id {_PAGE}"
OVERSTOCK = f"""{_FIGURES} AND available > 0 AND coalesce(days_of_cover, 'infinity') > $6
    AND NOT EXISTS (SELECT FROM (SELECT min(created_at) AS came FROM stock_movements m
        WHERE m.variant_id = f.variant_id AND m.kind = 'received') AS first
        WHERE came > now() - make_interval(days => $1))
ORDER BY available DESC, variant_id {_PAGE}"""  # noqa: S608
REORDER = f"""{_FIGURES} AND velocity > 0 AND available <= reorder_at
ORDER BY days_of_cover, variant_id {_PAGE}"""

SET_RULE = """
INSERT INTO restock_rules (variant_id, low_at, lead_days, safety_units) VALUES ($1, $2, $3, $4)
ON CONFLICT (variant_id) DO UPDATE SET low_at = $2, lead_days = $3, safety_units = $4
"""

# $1: words of the title, the SKU's beginning, or all; $2: only where there is nothing left.
STOCK = """
SELECT v.variant_id, v.sku,
       v.product_title || CASE WHEN v.variant_title = '' THEN '' ELSE ' – ' || v.variant_title END AS title,
       coalesce(sum(p.available), 0)::integer AS available, coalesce(sum(p.reserved), 0)::integer AS reserved
FROM sale_variants v LEFT JOIN stock_places p USING (variant_id)
WHERE $1 = '' OR v.sku ILIKE $1 || '%' OR v.product_title ILIKE '%' || $1 || '%'
GROUP BY v.variant_id, v.sku, v.product_title, v.variant_title
HAVING NOT $2::boolean OR coalesce(sum(p.available), 0) = 0
ORDER BY v.variant_id LIMIT $3 OFFSET $4
"""
VARIANT = "SELECT variant_id, sku, product_title, variant_title FROM sale_variants WHERE variant_id = $1"
PLACES = """
SELECT l.code, l.name, l.id, sum(p.available)::integer AS available, sum(p.reserved)::integer AS reserved,
       count(*) FILTER (WHERE p.bucket > 0 AND p.available > 0) AS buckets
FROM stock_places p JOIN locations l ON l.id = p.location_id
WHERE p.variant_id = $1 GROUP BY l.id ORDER BY l.priority, l.id
"""
RULE = "SELECT low_at, lead_days, safety_units AS safety FROM restock_rules WHERE variant_id = $1"
