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
}
