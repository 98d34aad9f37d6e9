"""All SQL on invoices."""

ORDER = """
SELECT o.id, o.number, o.email, o.shipping_address, o.currency, o.shipping, o.shipping_tax,
       o.shipping_tax_rate, o.tax_included, o.gift_card, o.created_at, now() AS issued_at,
       s.name, s.line1, s.line2, s.postcode, s.city, s.country
FROM orders o LEFT JOIN shipping_origin s ON true WHERE o.id = $1
"""

# The row's lock is held until the transaction ends: numbers are given in the order of commits, none is lost.
NEXT = """
INSERT INTO invoice_series (kind, year, last) VALUES ($1, $2, 1)
ON CONFLICT (kind, year) DO UPDATE SET last = invoice_series.last + 1 RETURNING last
"""

ISSUE = """
INSERT INTO invoices (kind, year, sequence, number, order_id, content, issued_at)
VALUES ($1, $2, $3, $4, $5, $6::text::json, $7)
"""

INVOICE_OF_ORDER = "SELECT number FROM invoices WHERE order_id = $1 AND kind = 'invoice'"

OF_ORDER = "SELECT number, kind, issued_at FROM invoices WHERE order_id = $1 ORDER BY id"

CONTENT = """
SELECT i.content, o.number AS order_number, o.token
FROM invoices i JOIN orders o ON o.id = i.order_id WHERE i.number = $1
"""
