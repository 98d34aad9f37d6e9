"""All SQL on zones, methods, rates, boxes and the origin: small tables, read whole."""

COUNTRIES = "SELECT country, name, zone FROM shipping_countries ORDER BY name"

RATES = """
SELECT r.method, m.title, m.free_from, r.zone, r.up_to_grams, r.price, r.days
FROM shipping_rates r JOIN shipping_methods m ON m.code = r.method
ORDER BY r.zone, m.position, r.up_to_grams
"""

_BOXES = """
SELECT code, title, length_mm, width_mm, height_mm, tare_grams, limit_grams, freight, active
FROM shipping_boxes"""
BOXES = f"{_BOXES} WHERE active ORDER BY code"
ALL_BOXES = f"{_BOXES} ORDER BY code"

ORIGIN = "SELECT name, line1, line2, city, region, postcode, country, phone FROM shipping_origin"

METHODS = "SELECT code, title, position, free_from FROM shipping_methods ORDER BY position, code"
ZONES = "SELECT code, title FROM shipping_zones ORDER BY title"

SAVE_METHOD = """
INSERT INTO shipping_methods (code, title, position, free_from) VALUES ($1, $2, $3, $4)
ON CONFLICT (code) DO UPDATE SET
    title = excluded.title, position = excluded.position, free_from = excluded.free_from
"""
SAVE_RATE = """
INSERT INTO shipping_rates (method, zone, up_to_grams, price, days) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (method, zone, up_to_grams) DO UPDATE SET price = excluded.price, days = excluded.days
"""
DELETE_RATE = """
DELETE FROM shipping_rates WHERE method = $1 AND zone = $2 AND up_to_grams = $3
RETURNING up_to_grams, price, days
"""
SAVE_COUNTRY = """
INSERT INTO shipping_countries (country, name, zone) VALUES ($1, $2, $3)
ON CONFLICT (country) DO UPDATE SET name = excluded.name, zone = excluded.zone
"""
DELETE_COUNTRY = "DELETE FROM shipping_countries WHERE country = $1 RETURNING country, name, zone"
SAVE_BOX = """
INSERT INTO shipping_boxes (code, title, length_mm, width_mm, height_mm, tare_grams, limit_grams, freight,
                            active)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (code) DO UPDATE SET
    title = excluded.title, length_mm = excluded.length_mm, width_mm = excluded.width_mm,
    height_mm = excluded.height_mm, tare_grams = excluded.tare_grams, limit_grams = excluded.limit_grams,
    freight = excluded.freight, active = excluded.active
"""
SAVE_ORIGIN = """
INSERT INTO shipping_origin (name, line1, line2, city, region, postcode, country, phone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (single) DO UPDATE SET
    name = excluded.name, line1 = excluded.line1, line2 = excluded.line2, city = excluded.city,
    region = excluded.region, postcode = excluded.postcode, country = excluded.country, phone = excluded.phone
"""
