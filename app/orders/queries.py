"""All SQL on orders beyond their making."""

ORDER = """
SELECT id, number, state, token, email, shipping_address, shipping_method,
       currency, subtotal, discount, shipping, tax, tax_included, shipping_tax, shipping_tax_rate,
       total, gift_card, benefits, action_url, created_at
FROM orders WHERE number = $1
"""

LINES = """
SELECT variant_id, sku, title, quantity, unit_price, discount, tax, tax_rate, cancelled
FROM order_lines WHERE order_id = $1 ORDER BY position
"""

HISTORY = "SELECT state, reason, at FROM order_history WHERE order_id = $1 ORDER BY at"
