"""What must hold of gift cards."""

CHECKS = {
    "a gift card's balance is the sum of its events": """
        SELECT c.id, c.balance, coalesce(sum(e.amount), 0) AS booked
        FROM gift_cards c LEFT JOIN gift_card_events e ON e.gift_card_id = c.id
        GROUP BY c.id HAVING c.balance <> coalesce(sum(e.amount), 0)
    """,
    "per order, redeemed - given back is at most what gift cards paid, all of it while it is pending, and"
    " nothing of an ended one": """
        SELECT coalesce(o.number, '?') AS number, o.state, o.gift_card, e.used
        FROM (SELECT order_id, -sum(amount) AS used FROM gift_card_events
              WHERE order_id IS NOT NULL GROUP BY 1) e
        FULL JOIN (SELECT * FROM orders WHERE gift_card > 0) o ON o.id = e.order_id
        WHERE o.id IS NULL OR coalesce(e.used, 0) < 0 OR coalesce(e.used, 0) > o.gift_card
            OR e.used > 0 AND o.state IN ('payment_failed', 'cancelled')
            OR coalesce(e.used, 0) <> o.gift_card AND o.state = 'payment_pending'
            OR e.used IS NULL AND o.gift_card > 0
    """,
    "each gift card that was sold and sent is exactly one card, of what it cost": """
        SELECT order_id, position, f.sent, s.cards, s.wrong
        FROM (
            SELECT f.order_id, fl.position, sum(fl.quantity) AS sent
            FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
            JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
            JOIN variants v ON v.id = l.variant_id AND v.gift_card
            WHERE f.state IN ('shipped', 'delivered') GROUP BY 1, 2
        ) f FULL JOIN (
            SELECT s.order_id, s.position, count(*) AS cards,
                   count(*) FILTER (WHERE e.amount IS DISTINCT FROM l.unit_price) AS wrong
            FROM sold_gift_cards s
            JOIN order_lines l ON l.order_id = s.order_id AND l.position = s.position
            LEFT JOIN gift_card_events e ON e.gift_card_id = s.gift_card_id AND e.kind = 'issued'
            GROUP BY 1, 2
        ) s USING (order_id, position)
        WHERE f.sent IS DISTINCT FROM s.cards OR s.wrong > 0
    """,
    "a gift card that was taken back is empty and blocked": """
        SELECT s.order_id, c.id, c.balance, c.active
        FROM sold_gift_cards s JOIN gift_cards c ON c.id = s.gift_card_id
        WHERE s.taken_back_at IS NOT NULL AND (c.balance <> 0 OR c.active)
    """,
}
