"""All SQL on stock that no other package's statement has to carry."""

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
