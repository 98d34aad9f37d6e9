"""The tables of rates, read whole: they are small and change rarely."""

COUNTRIES = "SELECT country, name, zone FROM shipping_countries ORDER BY name"

RATES = """
SELECT r.method, m.title, r.zone, r.up_to_grams, r.price, r.days
FROM shipping_rates r JOIN shipping_methods m ON m.code = r.method
ORDER BY r.zone, m.position, r.up_to_grams
"""
