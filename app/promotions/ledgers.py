"""What must hold of promotions."""

CHECKS = {
    "a limited promotion's counters are its uses": """
        SELECT s.promotion_id, s.slot, s.used, count(u.order_id) AS uses
        FROM promotion_slots s LEFT JOIN promotion_uses u USING (promotion_id, slot)
        GROUP BY 1, 2 HAVING s.used <> count(u.order_id)
    """,
    "a limited promotion's counters allow exactly its limit": """
        SELECT p.id, p.usage_limit, sum(s.most) AS allowed
        FROM promotions p LEFT JOIN promotion_slots s ON s.promotion_id = p.id
        GROUP BY p.id HAVING coalesce(p.usage_limit, 0) <> coalesce(sum(s.most), 0)
    """,
    "only orders that stand or are pending use promotions and codes up": """
        SELECT u.order_id, u.promotion_id, o.state FROM (
            SELECT order_id, promotion_id FROM promotion_uses
            UNION ALL SELECT order_id, promotion_id FROM vouchers WHERE order_id IS NOT NULL
        ) u LEFT JOIN orders o ON o.id = u.order_id
        WHERE coalesce(o.state, 'cancelled') IN ('payment_failed', 'cancelled')
    """,
}
