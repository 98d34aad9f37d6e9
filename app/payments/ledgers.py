"""What must hold of payments: per order, what was taken is what is owed."""

CHECKS = {
    "per order, captured - refunded is what a confirmed order owes beside gift cards, or nothing": """
        SELECT o.number, o.state, o.total, o.gift_card, coalesce(e.taken, 0) AS taken
        FROM orders o LEFT JOIN (
            SELECT order_id,
                   sum(CASE kind WHEN 'captured' THEN amount WHEN 'refunded' THEN -amount ELSE 0 END) AS taken
            FROM payment_events GROUP BY 1
        ) e ON e.order_id = o.id
        WHERE coalesce(e.taken, 0) <> CASE o.state WHEN 'confirmed' THEN o.total - o.gift_card ELSE 0 END
            AND o.state <> 'payment_pending'
    """,
}
