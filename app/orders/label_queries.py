"""All SQL on what goes into labels."""

ORDER = """
SELECT o.shipping_address, o.shipping_method
FROM fulfilments f JOIN orders o ON o.id = f.order_id WHERE f.id = $1
"""

GOODS = """
SELECT l.title, fl.quantity, v.weight_grams, v.length_mm, v.width_mm, v.height_mm
FROM fulfilments f
JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
JOIN sale_variants v ON v.variant_id = l.variant_id
WHERE f.id = $1 AND v.requires_shipping ORDER BY fl.position
"""
