"""All SQL that books movements: each changes the stock and says so in the ledger, in one transaction."""

from app.inventory.queries import GIVE_BACK, carry_out

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
INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason, actor)
SELECT variant_id, $3, kind, difference, $4, $5 FROM booked WHERE difference <> 0
"""

MAKE_ROWS = """
INSERT INTO stock (variant_id, location_id)
SELECT DISTINCT variant_id, location_id
FROM unnest($1::bigint[], $2::smallint[]) AS w(variant_id, location_id)
ORDER BY variant_id, location_id
ON CONFLICT (variant_id, location_id) DO NOTHING
"""

# What is summed here may name a row several times. Answers how many rows there were to change.
BOOK = """
WITH changes AS (
    SELECT variant_id, location_id, sum(available)::integer AS available, sum(reserved)::integer AS reserved
    FROM unnest($1::bigint[], $2::smallint[], $3::integer[], $4::integer[])
        AS c(variant_id, location_id, available, reserved)
    GROUP BY variant_id, location_id
), locked AS MATERIALIZED (
    SELECT s.variant_id, s.location_id, c.available, c.reserved
    FROM changes c JOIN stock s USING (variant_id, location_id)
    ORDER BY s.variant_id, s.location_id FOR UPDATE OF s
), changed AS (
    UPDATE stock s SET available = s.available + l.available, reserved = s.reserved + l.reserved
    FROM locked l WHERE s.variant_id = l.variant_id AND s.location_id = l.location_id
), booked AS (
    INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason, order_id, actor)
    SELECT variant_id, location_id, $5, available + reserved, $6, $7::bigint, $8 FROM locked
    WHERE available + reserved <> 0
)
SELECT count(*) FROM locked
"""

# --- what orders have reserved ---

CLAIMS = """
SELECT r.variant_id, r.location_id, r.quantity
FROM reservations r JOIN locations l ON l.id = r.location_id
WHERE r.order_id = $1 ORDER BY r.variant_id, l.priority, r.location_id FOR UPDATE OF r
"""

_END_CLAIMS = """
WITH claims AS (
    SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::integer[]) AS p(variant_id, location_id, quantity)
), ended AS (
    DELETE FROM reservations r USING claims p WHERE r.order_id = $1 AND r.variant_id = p.variant_id
        AND r.location_id = p.location_id AND r.quantity = p.quantity
), lessened AS (
    UPDATE reservations r SET quantity = r.quantity - p.quantity FROM claims p
    WHERE r.order_id = $1 AND r.variant_id = p.variant_id AND r.location_id = p.location_id
        AND r.quantity > p.quantity
)
"""

END_CLAIMS = f"{_END_CLAIMS} SELECT"
RELEASE_CLAIMS = f"""{_END_CLAIMS}, {GIVE_BACK}, {carry_out("(SELECT count(*) FROM claims) AS before_all")}
SELECT count(*) FROM moved
"""  # noqa: S608

# --- locations, ledger ---

LOCATIONS = "SELECT id, code, name, priority FROM locations ORDER BY priority, id"
ADD_LOCATION = """
INSERT INTO locations (id, code, name, priority)
SELECT coalesce(max(id), 0) + 1, $1, $2, $3 FROM locations RETURNING id
"""
CHANGE_LOCATION = "UPDATE locations SET name = $2, priority = $3 WHERE code = $1 RETURNING id"

HAS_STOCK = "SELECT EXISTS (SELECT FROM stock WHERE variant_id = $1)"

MOVEMENTS = """
SELECT m.id, m.variant_id, l.code AS location, m.kind, m.quantity, m.reason, m.actor,
       o.number AS order_number, m.created_at
FROM stock_movements m JOIN locations l ON l.id = m.location_id LEFT JOIN orders o ON o.id = m.order_id
WHERE m.variant_id = $1 AND ($2::bigint IS NULL OR m.id < $2) ORDER BY m.id DESC LIMIT $3
"""
