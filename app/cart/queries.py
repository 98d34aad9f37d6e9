"""All SQL on carts. A cart may be lost in a crash of the database: its commits do not wait for the disk."""

_RELAXED = "(SELECT set_config('synchronous_commit', 'off', true)) AS relaxed"

CREATE = f"INSERT INTO carts (id) SELECT $1 FROM {_RELAXED}"  # noqa: S608

# `locations` in the order in which they are used; the arrays of a line list the places where its units are.
READ = """
SELECT c.state, c.version, c.details, c.held, c.held_until, c.codes, c.gift_cards,
       (SELECT array_agg(id ORDER BY priority, id) FROM locations) AS locations,
       l.id AS line_id, l.variant_id, l.quantity,
       v.product_id, v.tax_class, v.sku, v.handle, v.product_title, v.variant_title, v.price,
       v.weight_grams, v.image, v.requires_shipping, v.length_mm, v.width_mm, v.height_mm,
       coalesce(v.sellable, false) AS sellable, s.place_locations, s.place_buckets, s.place_units
FROM carts c
LEFT JOIN cart_lines l ON l.cart_id = c.id
LEFT JOIN sale_variants v ON v.variant_id = l.variant_id
LEFT JOIN LATERAL (
    SELECT array_agg(location_id) AS place_locations, array_agg(bucket) AS place_buckets,
           array_agg(available) AS place_units
    FROM stock_places WHERE variant_id = l.variant_id
) s ON true
WHERE c.id = $1
ORDER BY l.id
"""

COUNT = """
SELECT coalesce(sum(l.quantity), 0)::integer FROM carts c JOIN cart_lines l ON l.cart_id = c.id
WHERE c.id = $1 AND c.state <> 'ordered'
"""

# The three change the cart in the given version only, where one is given, and answer whether the cart holds
# units, which then are not those that it lists.
# No row when the cart is not open or full, or the variant not for sale. Stock is not looked at: a cart claims
# nothing, and whether there is enough is shown when it is read and decided when it is ordered.
ADD_LINE = f"""
WITH variant AS (
    SELECT variant_id FROM sale_variants WHERE variant_id = $2 AND sellable
    AND (SELECT count(*) FROM cart_lines WHERE cart_id = $1) < 100
), cart AS (
    UPDATE carts SET version = version + 1, updated_at = now() FROM {_RELAXED}, variant
    WHERE id = $1 AND state = 'open' AND ($4::integer IS NULL OR version = $4)
    RETURNING id, held IS NOT NULL AS holds
)
INSERT INTO cart_lines (cart_id, variant_id, quantity)
SELECT cart.id, variant.variant_id, $3 FROM cart, variant
ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = cart_lines.quantity + excluded.quantity
RETURNING (SELECT holds FROM cart)
"""  # noqa: S608

SET_QUANTITY = f"""
WITH line AS (
    SELECT id FROM cart_lines WHERE id = $2 AND cart_id = $1
), cart AS (
    UPDATE carts SET version = version + 1, updated_at = now() FROM {_RELAXED}, line
    WHERE carts.id = $1 AND state = 'open' AND ($4::integer IS NULL OR version = $4)
    RETURNING carts.id, held IS NOT NULL AS holds
)
UPDATE cart_lines SET quantity = $3 FROM cart, line WHERE cart_lines.id = line.id
RETURNING cart.holds
"""  # noqa: S608

REMOVE_LINE = f"""
WITH line AS (
    SELECT l.id FROM cart_lines l WHERE l.id = $2 AND l.cart_id = $1
), cart AS (
    UPDATE carts SET version = version + 1, updated_at = now() FROM {_RELAXED}, line
    WHERE carts.id = $1 AND state = 'open' AND ($3::integer IS NULL OR version = $3)
    RETURNING carts.id, held IS NOT NULL AS holds
)
DELETE FROM cart_lines USING cart, line WHERE cart_lines.id = line.id
RETURNING cart.holds
"""  # noqa: S608

# A change of the codes makes a new version: an order is made of exactly what was priced.
PUT_CODES = f"""
UPDATE carts SET codes = $3, gift_cards = $4, version = version + 1, updated_at = now() FROM {_RELAXED}
WHERE id = $1 AND version = $2 AND state = 'open' RETURNING id
"""  # noqa: S608

SAVE_DETAILS = f"""
UPDATE carts SET details = details || $2::text::jsonb, updated_at = now() FROM {_RELAXED}
WHERE id = $1 AND state = 'open' RETURNING id
"""  # noqa: S608

SELLABLE = "SELECT sellable FROM sale_variants WHERE variant_id = $1"

DELETE_STALE = """
DELETE FROM carts WHERE id IN (
    SELECT id FROM carts
    WHERE state = 'open' AND held IS NULL AND updated_at < now() - make_interval(days => $1) LIMIT 1000
)
"""
