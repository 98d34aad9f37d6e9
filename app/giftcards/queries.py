"""All SQL on gift cards. Redeeming is `book_benefits`, carried by the order's statement."""

USABLE = """
SELECT id, last4, balance, active AND coalesce(expires_at > now(), true) AS is_valid
FROM gift_cards WHERE id = ANY ($1)
"""

BY_HASH = """
SELECT id, last4, balance, active AND coalesce(expires_at > now(), true) AS is_valid
FROM gift_cards WHERE code_hash = $1
"""

# No row when the key is known: the card was made by the same request before.
ISSUE = """
WITH card AS (
    INSERT INTO gift_cards (code_hash, last4, currency, balance, expires_at, note)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
)
INSERT INTO gift_card_events (gift_card_id, kind, amount, key, actor)
SELECT id, 'issued', $4, 'issued', $7 FROM card RETURNING gift_card_id
"""

# What the order still has of each card, the card used last first: it is given back in that order.
OF_ORDER = """
SELECT gift_card_id AS id, -sum(amount)::bigint AS amount FROM gift_card_events
WHERE order_id = $1 GROUP BY 1 ORDER BY 1 DESC
"""
LOCK = "SELECT FROM gift_cards WHERE id = ANY ($1) ORDER BY id FOR UPDATE"
BOOKED = "SELECT EXISTS (SELECT FROM gift_card_events WHERE order_id = $1 AND key = $2)"
BOOK = """
WITH event AS (
    INSERT INTO gift_card_events (gift_card_id, kind, amount, order_id, key, actor)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (gift_card_id, key) DO NOTHING RETURNING gift_card_id, amount
)
UPDATE gift_cards c SET balance = c.balance + e.amount FROM event e WHERE c.id = e.gift_card_id
RETURNING c.balance
"""
RELEASE = "SELECT release_benefits($1)"

ALL = """
SELECT id, last4, currency, balance, active, expires_at, note, created_at,
       (SELECT sum(amount)::bigint FROM gift_card_events e
        WHERE e.gift_card_id = c.id AND kind = 'issued') AS issued
FROM gift_cards c ORDER BY id DESC LIMIT 500
"""
ONE = """
SELECT id, last4, currency, balance, active, expires_at, note, created_at FROM gift_cards WHERE id = $1
"""
# $4: the last characters of a code, as its holder can read them out.
AFTER = """
SELECT id, last4, currency, balance, active, expires_at, note, created_at FROM gift_cards
WHERE id < $1 AND ($3::boolean IS NULL OR active = $3) AND ($4::text IS NULL OR last4 = $4)
ORDER BY id DESC LIMIT $2
"""
# Not the key: events that refer to it go on.
LOCK_ONE = "SELECT FROM gift_cards WHERE id = $1 FOR NO KEY UPDATE"
EVENTS_AFTER = """
SELECT e.id, e.kind, e.amount, e.actor, e.at, o.number AS order_number
FROM gift_card_events e LEFT JOIN orders o ON o.id = e.order_id
WHERE e.gift_card_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3
"""
EVENTS = """
SELECT e.kind, e.amount, e.actor, e.at, o.number AS order_number
FROM gift_card_events e LEFT JOIN orders o ON o.id = e.order_id WHERE e.gift_card_id = $1 ORDER BY e.id
"""
SWITCH = "UPDATE gift_cards SET active = $2 WHERE id = $1"

GIFTS_OF_FULFILMENT = """
SELECT fl.position, fl.quantity, l.unit_price,
       (SELECT count(*) FROM sold_gift_cards s
        WHERE s.order_id = f.order_id AND s.position = fl.position)::integer AS issued
FROM fulfilments f JOIN fulfilment_lines fl ON fl.fulfilment_id = f.id
JOIN order_lines l ON l.order_id = f.order_id AND l.position = fl.position
JOIN variants v ON v.id = l.variant_id AND v.gift_card
WHERE f.id = $1 ORDER BY fl.position
"""
SELL = "INSERT INTO sold_gift_cards (order_id, position, unit, gift_card_id) VALUES ($1, $2, $3, $4)"
# An order that could not be paid within the hour is looked at four times an hour.
DUE_ORDERS = """
SELECT DISTINCT r.order_id FROM variants v
JOIN reservations r ON r.variant_id = v.id JOIN orders o ON o.id = r.order_id
WHERE v.gift_card AND o.state IN ('confirmed', 'partially_shipped')
    AND (o.created_at > now() - interval '1 hour' OR extract(minute FROM now())::integer % 15 = 0)
ORDER BY 1 DESC LIMIT $1
"""
GIFT_POSITIONS = """
SELECT l.position FROM order_lines l JOIN variants v ON v.id = l.variant_id AND v.gift_card
WHERE l.order_id = $1
"""
SOLD = """
SELECT c.id, s.position, c.last4, l.unit_price AS value, c.balance, c.active, s.taken_back_at
FROM sold_gift_cards s JOIN gift_cards c ON c.id = s.gift_card_id
JOIN order_lines l ON l.order_id = s.order_id AND l.position = s.position
WHERE s.order_id = $1 ORDER BY s.position, s.unit
"""
TAKE_BACK = "UPDATE sold_gift_cards SET taken_back_at = now() WHERE gift_card_id = $1"
