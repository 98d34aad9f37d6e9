"""All SQL on stock. `carry_out` is the part of it that statements of other packages carry.

Whoever locks several rows of stock takes them in one order, so that none waits for another in a ring: first
those of `stock`, then those of `stock_buckets`, each by variant, location and bucket.
"""


def carry_out(gate: str) -> str:
    """CTEs that reserve what the CTE `moves` (variant_id, location_id, bucket, units) lists.

    Negative units go back. They run after the CTEs in `gate`, a FROM list that must yield one row; without
    a row nothing is moved. `moved` is the last of them. Raises CheckViolationError when a row has too little.
    """
    return f"""own AS MATERIALIZED (
    SELECT s.variant_id, s.location_id, m.units
    FROM {gate}, moves m JOIN stock s USING (variant_id, location_id)
    WHERE m.bucket = 0 ORDER BY s.variant_id, s.location_id FOR UPDATE OF s
), own_moved AS (
    UPDATE stock s SET available = s.available - o.units, reserved = s.reserved + o.units
    FROM own o WHERE s.variant_id = o.variant_id AND s.location_id = o.location_id RETURNING 1
), spread AS MATERIALIZED (
    SELECT b.variant_id, b.location_id, b.bucket, m.units
    FROM {gate}, (SELECT count(*) FROM own_moved) AS before,
         moves m JOIN stock_buckets b USING (variant_id, location_id, bucket)
    WHERE m.bucket > 0 ORDER BY b.variant_id, b.location_id, b.bucket FOR UPDATE OF b
), moved AS (
    UPDATE stock_buckets b SET available = b.available - p.units, reserved = b.reserved + p.units
    FROM spread p
    WHERE b.variant_id = p.variant_id AND b.location_id = p.location_id AND b.bucket = p.bucket RETURNING 1
)"""  # noqa: S608  # only names of CTEs go in


# What goes back to a spread item goes to any of its buckets.
ANY_BUCKET = "CASE WHEN s.buckets > 0 THEN 1 + floor(random() * s.buckets)::smallint ELSE 0::smallint END"

# The moves that give back what a CTE `claims` (variant_id, location_id, quantity) had.
GIVE_BACK = f"""moves AS MATERIALIZED (
    SELECT variant_id, location_id, bucket, -sum(quantity)::integer AS units FROM (
        SELECT variant_id, location_id, {ANY_BUCKET} AS bucket, quantity
        FROM claims JOIN stock s USING (variant_id, location_id)
    ) AS returned GROUP BY 1, 2, 3
)"""  # noqa: S608

# The cart first, then the places, as the statements that claim do.
LOCK_CART = "SELECT FROM carts WHERE id = $1 FOR UPDATE"
LOCK_STOCK = """
SELECT variant_id, location_id, 0 AS bucket, available FROM stock
WHERE variant_id = ANY ($1) ORDER BY variant_id, location_id FOR UPDATE
"""
LOCK_BUCKETS = """
SELECT variant_id, location_id, bucket, available FROM stock_buckets
WHERE variant_id = ANY ($1) ORDER BY variant_id, location_id, bucket FOR UPDATE
"""
LOCATION_ORDER = "SELECT id FROM locations ORDER BY priority, id"

# A hold may be lost in a crash of the database, whole: its commit does not wait for the disk.
_RELAXED = "(SELECT set_config('synchronous_commit', 'off', true)) AS relaxed"
_UNTIL = "least(now() + make_interval(secs => $2), held_since + make_interval(secs => $3))"

HOLD = f"""
WITH cart AS (
    UPDATE carts SET held = $5::text::jsonb, version = version + 1, updated_at = now(),
        held_since = coalesce(held_since, now()),
        held_until = least(now() + make_interval(secs => $2),
                           coalesce(held_since, now()) + make_interval(secs => $3))
    FROM {_RELAXED} WHERE id = $1 AND version = $4 AND state = 'open' RETURNING id, held_until
), moves AS (
    SELECT * FROM unnest($6::bigint[], $7::smallint[], $8::smallint[], $9::integer[])
        AS m(variant_id, location_id, bucket, units)
), {carry_out("cart")}
SELECT held_until FROM cart WHERE (SELECT count(*) FROM moved) >= 0
"""  # noqa: S608

# Not at each of many requests in a row: $4 seconds of gain are worth a write.
EXTEND = f"""
UPDATE carts SET held_until = {_UNTIL}, updated_at = now() FROM {_RELAXED}
WHERE id = $1 AND state = 'open' AND held IS NOT NULL
    AND held_until < {_UNTIL} - make_interval(secs => $4)
RETURNING held_until
"""  # noqa: S608


def _drop(which: str) -> str:
    return f"""
WITH cart AS MATERIALIZED (
    SELECT id, held FROM carts WHERE {which}
), dropped AS (
    UPDATE carts c SET held = NULL, held_since = NULL, held_until = NULL, version = version + 1
    FROM {_RELAXED}, cart WHERE c.id = cart.id RETURNING 1
), claims AS (
    SELECT (h.part ->> 0)::bigint AS variant_id, (h.part ->> 1)::smallint AS location_id,
           (h.part ->> 2)::integer AS quantity
    FROM cart, jsonb_array_elements(cart.held) AS h(part)
), {GIVE_BACK}, {carry_out("(SELECT count(*) FROM dropped) AS before_all")}
SELECT count(*) FROM dropped WHERE (SELECT count(*) FROM moved) >= 0
"""  # noqa: S608


DROP_HOLD = _drop("id = $1 AND held IS NOT NULL FOR UPDATE")
EXPIRE_HOLDS = _drop("held_until < now() ORDER BY held_until LIMIT $1 FOR UPDATE SKIP LOCKED")

# --- layout of hot stock ---

SPREAD_ROWS = """
SELECT DISTINCT b.variant_id, b.location_id
FROM stock_buckets b JOIN stock s USING (variant_id, location_id)
WHERE b.variant_id = ANY ($1) AND ($2::smallint IS NULL OR b.location_id = $2)
    AND (s.buckets > 0 OR b.available > 0)
ORDER BY 1, 2
"""
COUNT_UNITS = """
SELECT coalesce(sum(available), 0)::integer FROM stock_places WHERE variant_id = $1 AND location_id = $2
"""
HOT_VARIANTS = """
SELECT l.variant_id
FROM (SELECT id, created_at FROM orders ORDER BY id DESC LIMIT $1) o JOIN order_lines l ON l.order_id = o.id
WHERE o.created_at > now() - make_interval(secs => $2)
GROUP BY l.variant_id HAVING count(*) >= $3
"""
TENDED_ROWS = """
SELECT b.variant_id, b.location_id FROM stock_buckets b JOIN stock s USING (variant_id, location_id)
WHERE s.buckets > 0 OR b.available > 0
UNION SELECT variant_id, location_id FROM stock WHERE variant_id = ANY ($1)
ORDER BY 1, 2
"""
MAKE_BUCKETS = """
INSERT INTO stock_buckets (variant_id, location_id, bucket) SELECT $1, $2, generate_series(1, $3::integer)
ON CONFLICT DO NOTHING
"""
LOCK_ROW = "SELECT available, reserved FROM stock WHERE variant_id = $1 AND location_id = $2 FOR UPDATE"
LOCK_ROW_BUCKETS = """
SELECT available, reserved FROM stock_buckets WHERE variant_id = $1 AND location_id = $2
ORDER BY bucket FOR UPDATE
"""
LAY_OUT = """
WITH share AS (
    SELECT CASE WHEN $3::integer > 0 THEN $4::integer / $3 ELSE 0 END AS each,
           CASE WHEN $3::integer > 0 THEN $4 % $3 ELSE 0 END AS rest
), buckets AS (
    UPDATE stock_buckets SET reserved = 0, available = CASE
        WHEN bucket <= rest THEN each + 1 WHEN bucket <= $3 THEN each ELSE 0 END
    FROM share WHERE variant_id = $1 AND location_id = $2
)
UPDATE stock SET buckets = $3, reserved = $5, available = CASE WHEN $3 > 0 THEN 0 ELSE $4 END
WHERE variant_id = $1 AND location_id = $2
"""
