"""All SQL on taxes. The tables are small and read whole."""

RATES = (
    "SELECT id, country, subdivision, postcode, tax_class, rate, source FROM tax_rates ORDER BY 2, 5, 4, 3"
)
REGIONS = "SELECT country, tax_included, home FROM tax_regions ORDER BY country"

SAVE_RATE = """
INSERT INTO tax_rates (country, subdivision, postcode, tax_class, rate, source)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (country, subdivision, postcode, tax_class)
DO UPDATE SET rate = excluded.rate, source = excluded.source
"""
DELETE_RATE = "DELETE FROM tax_rates WHERE id = $1 RETURNING country, tax_class, rate"
SAVE_REGION = """
INSERT INTO tax_regions (country, tax_included) VALUES ($1, $2)
ON CONFLICT (country) DO UPDATE SET tax_included = excluded.tax_included
"""

COUNTRIES = "SELECT DISTINCT country FROM tax_rates"
CLASSES = "SELECT DISTINCT tax_class FROM tax_rates ORDER BY 1"
