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

# Books only the difference to the wished units, so that a repeated import changes nothing.
# FOR UPDATE in the order of ids, as checkouts take their rows: none waits for another in a ring.
SET_AVAILABLE = """
WITH wanted AS (
    SELECT variant_id, units FROM unnest($1::bigint[], $2::integer[]) AS w(variant_id, units)
), made AS (
    INSERT INTO stock (variant_id, location_id, available)
    SELECT variant_id, $3, units FROM wanted ORDER BY variant_id
    ON CONFLICT (variant_id, location_id) DO NOTHING
    RETURNING variant_id, available AS difference
), locked AS MATERIALIZED (
    SELECT s.variant_id, w.units - s.available AS difference
    FROM stock s JOIN wanted w USING (variant_id)
    WHERE s.location_id = $3 AND s.available <> w.units
    ORDER BY s.variant_id FOR UPDATE OF s
), changed AS (
    UPDATE stock s SET available = s.available + l.difference
    FROM locked l WHERE s.variant_id = l.variant_id AND s.location_id = $3
    RETURNING s.variant_id, l.difference
), booked AS (
    SELECT variant_id, difference, 'received' AS kind FROM made
    UNION ALL SELECT variant_id, difference, 'adjusted' FROM changed
)
INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)
SELECT variant_id, $3, kind, difference, $4 FROM booked WHERE difference <> 0
"""

RECEIVE = """
WITH arrived AS (
    SELECT variant_id, sum(units)::integer AS units
    FROM unnest($1::bigint[], $2::integer[]) AS w(variant_id, units) GROUP BY variant_id
), added AS (
    INSERT INTO stock (variant_id, location_id, available)
    SELECT variant_id, $3, units FROM arrived ORDER BY variant_id
    ON CONFLICT (variant_id, location_id) DO UPDATE SET available = stock.available + excluded.available
)
INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)
SELECT variant_id, $3, 'received', units, $4 FROM arrived
"""

HAS_STOCK = "SELECT EXISTS (SELECT FROM stock WHERE variant_id = $1 AND location_id = $2)"

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
