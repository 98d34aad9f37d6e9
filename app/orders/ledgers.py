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
        FROM (SELECT order_id, variant_id, sum(quantity - cancelled) AS quantity
              FROM order_lines GROUP BY 1, 2) l
        FULL JOIN (SELECT order_id, variant_id, sum(quantity) AS quantity FROM reservations GROUP BY 1, 2) r
            USING (order_id, variant_id)
        LEFT JOIN (SELECT order_id, variant_id, -sum(quantity) AS shipped FROM stock_movements
                   WHERE kind = 'shipped' GROUP BY 1, 2) m USING (order_id, variant_id)
        LEFT JOIN orders o ON o.id = order_id
        WHERE o.id IS NULL OR coalesce(r.quantity, 0) <>
            CASE WHEN o.state IN ('payment_failed', 'cancelled') THEN 0
            ELSE l.quantity - coalesce(m.shipped, 0) END
    """,
    "an order's state is what its lines and parcels say": """
        SELECT o.number, o.state, l.standing, f.sent, f.parcels, f.under_way
        FROM orders o
        JOIN (SELECT order_id, sum(quantity - cancelled) AS standing FROM order_lines GROUP BY 1) l
            ON l.order_id = o.id
        LEFT JOIN (
            SELECT f.order_id, sum(fl.quantity) AS sent, count(DISTINCT f.id) AS parcels,
                   count(DISTINCT f.id) FILTER (WHERE f.state = 'shipped') AS under_way
            FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
            WHERE f.state IN ('shipped', 'delivered') GROUP BY 1
        ) f ON f.order_id = o.id
        WHERE CASE
            WHEN o.state IN ('payment_pending', 'payment_failed', 'confirmed')
                THEN f.sent IS NOT NULL OR l.standing = 0
            WHEN o.state = 'cancelled' THEN l.standing <> 0 OR f.sent IS NOT NULL
            WHEN o.state = 'partially_shipped' THEN coalesce(f.sent, 0) NOT BETWEEN 1 AND l.standing - 1
            WHEN o.state = 'shipped' THEN f.sent IS DISTINCT FROM l.standing OR f.under_way = 0
            ELSE f.sent IS DISTINCT FROM l.standing OR f.under_way > 0 END
    """,
    "what parcels took is what stock shipped for the order": """
        SELECT order_id, variant_id, f.quantity AS parcels, m.quantity AS shipped
        FROM (
            SELECT f.order_id, l.variant_id, sum(fl.quantity) AS quantity
            FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
            JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
            WHERE f.state IN ('shipped', 'delivered') GROUP BY 1, 2
        ) f FULL JOIN (
            SELECT order_id, variant_id, -sum(quantity) AS quantity FROM stock_movements
            WHERE kind = 'shipped' GROUP BY 1, 2
        ) m USING (order_id, variant_id)
        WHERE f.quantity IS DISTINCT FROM m.quantity
    """,
    "invoices are numbered without gaps, and each order that was sent has one": """
        SELECT s.kind, s.year, s.last, count(i.id) AS issued, NULL AS number
        FROM invoice_series s LEFT JOIN invoices i USING (kind, year)
        GROUP BY s.kind, s.year, s.last
        HAVING s.last <> count(i.id) OR s.last <> coalesce(max(i.sequence), 0)
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, o.number FROM orders o
        WHERE o.state IN ('partially_shipped', 'shipped', 'delivered')
            AND NOT EXISTS (SELECT FROM invoices i WHERE i.order_id = o.id AND i.kind = 'invoice')
    """,
    "a sent parcel goes under the numbers of its labels": """
        SELECT f.id, f.order_id, f.tracking_number, s.tracking_number AS label
        FROM fulfilments f JOIN shipments s ON s.fulfilment_id = f.id
        WHERE f.state IN ('shipped', 'delivered') AND s.state NOT IN ('buying', 'cancelled')
            AND strpos(f.tracking_number, s.tracking_number) = 0
    """,
    "a parcel that its carrier delivered an hour ago has arrived": """
        SELECT f.id, f.order_id, f.tracking_number, max(e.received_at) AS told_at
        FROM fulfilments f JOIN shipments s ON s.fulfilment_id = f.id
        JOIN tracking_events e ON e.shipment_id = s.id
        WHERE f.state = 'shipped' AND s.state <> 'cancelled'
        GROUP BY f.id
        HAVING bool_and(s.state = 'delivered') AND max(e.received_at) < now() - interval '1 hour'
    """,
    "the shop has taken what it sent and keeps no more than what stands, once its jobs are done": """
        WITH parts AS (
            SELECT l.order_id, l.quantity - l.cancelled AS standing, coalesce(f.sent, 0) AS sent,
                   l.unit_price, l.discount, l.quantity, CASE WHEN o.tax_included THEN 0 ELSE l.tax END AS tax
            FROM order_lines l JOIN orders o ON o.id = l.order_id
            LEFT JOIN (
                SELECT f.order_id, fl.position, sum(fl.quantity) AS sent
                FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
                WHERE f.state IN ('shipped', 'delivered') GROUP BY 1, 2
            ) f ON f.order_id = l.order_id AND f.position = l.position
        ), goods AS (
            SELECT order_id, sum(standing) > 0 AS stands, sum(sent) > 0 AS left_us,
                   sum(standing * unit_price - div(discount * standing, quantity)
                       + div(tax * standing, quantity)) AS standing,
                   sum(sent * unit_price - div(discount * sent, quantity)
                       + div(tax * sent, quantity)) AS sent
            FROM parts GROUP BY 1
        ), worth AS (
            SELECT o.id, o.number, o.state, o.gift_card,
                   g.standing + CASE WHEN g.stands THEN d.delivery ELSE 0 END AS standing,
                   g.sent + CASE WHEN g.left_us THEN d.delivery ELSE 0 END AS sent
            FROM orders o JOIN goods g ON g.order_id = o.id
            CROSS JOIN LATERAL (
                SELECT o.shipping + CASE WHEN o.tax_included THEN 0 ELSE o.shipping_tax END AS delivery
            ) d
            WHERE o.state NOT IN ('payment_pending', 'payment_failed')
        )
        SELECT w.number, w.state, w.standing, w.sent, w.gift_card, p.captured, p.refunded,
               c.used AS from_cards
        FROM worth w
        LEFT JOIN (
            SELECT order_id, coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS captured,
                   coalesce(sum(amount) FILTER (WHERE kind = 'refunded'), 0) AS refunded
            FROM payment_events GROUP BY 1
        ) p ON p.order_id = w.id
        LEFT JOIN (SELECT order_id, -sum(amount) AS used FROM gift_card_events GROUP BY 1) c
            ON c.order_id = w.id
        WHERE (
            coalesce(p.captured, 0) - coalesce(p.refunded, 0) > greatest(w.standing - w.gift_card, 0)
            OR coalesce(p.captured, 0) < greatest(w.sent - w.gift_card, 0)
            OR coalesce(c.used, 0) > least(w.standing, w.gift_card)
        ) AND NOT EXISTS (
            SELECT FROM payment_operations q WHERE q.order_id = w.id AND q.state = 'pending'
        ) AND NOT EXISTS (
            SELECT FROM procrastinate_jobs j
            WHERE j.lock = 'order:' || w.id AND j.status IN ('todo', 'doing')
        )
    """,
}
