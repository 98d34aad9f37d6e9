"""What must hold of orders."""

CHECKS = {
    "an order's lines add up to its subtotal": """
        SELECT o.number, o.subtotal, coalesce(sum(l.quantity * l.unit_price), 0) AS lines
        FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING o.subtotal <> coalesce(sum(l.quantity * l.unit_price), 0)
    """,
    "an order's discount and tax are the sums of its lines' (and of its delivery's tax)": """
        SELECT o.number, o.discount, o.tax, o.shipping_tax,
               sum(l.discount) AS line_discounts, sum(l.tax) AS line_taxes
        FROM orders o JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING o.discount <> sum(l.discount) OR o.tax <> sum(l.tax) + o.shipping_tax
    """,
    "an order that stands or is pending has each unit reserved or shipped, an ended one reserves none": """
        SELECT o.number, o.state, variant_id, l.quantity AS wanted, r.quantity AS reserved, m.shipped
        FROM (SELECT order_id, variant_id, sum(quantity) AS quantity FROM order_lines GROUP BY 1, 2) l
        FULL JOIN (SELECT order_id, variant_id, sum(quantity) AS quantity FROM reservations GROUP BY 1, 2) r
            USING (order_id, variant_id)
        LEFT JOIN (SELECT order_id, variant_id, -sum(quantity) AS shipped FROM stock_movements
                   WHERE kind = 'shipped' GROUP BY 1, 2) m USING (order_id, variant_id)
        LEFT JOIN orders o ON o.id = order_id
        WHERE o.id IS NULL OR coalesce(r.quantity, 0) <>
            CASE WHEN o.state IN ('payment_failed', 'cancelled') THEN 0
            ELSE l.quantity - coalesce(m.shipped, 0) END
    """,
}
