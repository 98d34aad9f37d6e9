"""All SQL on zones, rates and boxes: small tables, read whole."""

COUNTRIES = "SELECT country, name, zone FROM shipping_countries ORDER BY name"

RATES = """
SELECT r.method, m.title, m.free_from, r.zone, r.up_to_grams, r.price, r.days
FROM shipping_rates r JOIN shipping_methods m ON m.code = r.method
ORDER BY r.zone, m.position, r.up_to_grams
"""

BOXES = """
SELECT code, title, length_mm, width_mm, height_mm, tare_grams, limit_grams, freight
FROM shipping_boxes WHERE active ORDER BY code
"""

ORIGIN = "SELECT name, line1, line2, city, region, postcode, country, phone FROM shipping_origin"
