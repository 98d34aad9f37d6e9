"""The statements of checkout. Each is one transaction: it happens whole or not at all.

Rows that many shoppers want come last and in the order of their ids, so that their locks are held shortest
and no two checkouts wait for each other in a ring. The row of the shopper's own cart comes first: it lines up
repeated requests.
"""

from app.inventory.service import GIVE_BACK, carry_out

# No row when the cart is not open in this version. Raises CheckViolationError when the stock is too small,
# UniqueViolationError when the key is in use, and SQLSTATE PR001 when a promotion or gift card has run out
# meanwhile; each undoes everything.
PLACE = f"""
WITH cart AS (
    UPDATE carts SET state = 'ordering', updated_at = now(), held = NULL, held_since = NULL, held_until = NULL
    WHERE id = $1 AND version = $2 AND state = 'open' RETURNING id
), placed AS (
    INSERT INTO orders (state, token, payment_reference, cart_id, email, shipping_address, shipping_method,
                        currency, subtotal, shipping, total, settle_at, discount, tax, tax_included,
                        shipping_tax, shipping_tax_rate, gift_card, benefits)
    SELECT 'payment_pending', $5, $6, id, $7, $8::text::jsonb, $9, $10, $11, $12, $26,
           now() + make_interval(secs => $13), $27, $28, $29, $30, $31, $32, $33::text::jsonb
    FROM cart RETURNING id, number
), claimed_key AS (
    INSERT INTO checkout_keys (key, fingerprint, order_id) SELECT $3, $4, id FROM placed RETURNING 1
), history AS (
    INSERT INTO order_history (order_id, state, reason)
    SELECT id, 'payment_pending', 'placed' FROM placed RETURNING 1
), lines AS (
    INSERT INTO order_lines (order_id, position, variant_id, sku, title, quantity, unit_price,
                             discount, tax, tax_rate)
    SELECT placed.id, position, variant_id, sku, title, quantity, unit_price, discount, tax, tax_rate
    FROM placed, unnest($14::bigint[], $15::integer[], $16::bigint[], $17::text[], $18::text[],
                        $34::bigint[], $35::bigint[], $36::integer[])
        WITH ORDINALITY AS w(variant_id, quantity, unit_price, sku, title, discount, tax, tax_rate, position)
    RETURNING 1
), claims AS (
    INSERT INTO reservations (order_id, variant_id, location_id, quantity)
    SELECT placed.id, variant_id, location_id, quantity
    FROM placed, unnest($19::bigint[], $20::smallint[], $21::integer[])
        AS c(variant_id, location_id, quantity)
    RETURNING 1
), moves AS (
    SELECT * FROM unnest($22::bigint[], $23::smallint[], $24::smallint[], $25::integer[])
        AS m(variant_id, location_id, bucket, units)
), booked AS MATERIALIZED (
    SELECT CASE WHEN cardinality($37::bigint[]) + cardinality($39::bigint[]) > 0
        THEN book_benefits(id, lower($7), $37::bigint[], $38::text[], $39::bigint[], $40::bigint[])
        ELSE 0 END AS rows
    FROM placed, (SELECT count(*) FROM claimed_key) AS before
), everything_else AS (
    SELECT (SELECT rows FROM booked) + (SELECT count(*) FROM claimed_key) + (SELECT count(*) FROM history)
         + (SELECT count(*) FROM lines) + (SELECT count(*) FROM claims) AS rows
), {carry_out("placed, everything_else")}
SELECT id, number FROM placed WHERE (SELECT count(*) FROM moved) >= 0
"""  # noqa: S608

_EVENT = """
    INSERT INTO payment_events (gateway, key, order_id, kind, amount, payment_id)
    VALUES ($2, $3, $1, $4, $5, $6) ON CONFLICT (gateway, key) DO NOTHING
"""

# Each of the three settles an order only while its payment is pending; no row means that somebody else did.
CONFIRM = f"""
WITH event AS ({_EVENT}), settled AS (
    UPDATE orders SET state = 'confirmed', settle_at = NULL, action_url = NULL
    WHERE id = $1 AND state = 'payment_pending' RETURNING id, cart_id
), history AS (
    INSERT INTO order_history (order_id, state, reason) SELECT id, 'confirmed', $7 FROM settled
), mail AS (
    INSERT INTO mails (order_id, kind, key) SELECT id, 'confirmation', 'confirmation:' || id FROM settled
), answered AS (
    UPDATE checkout_keys k SET status = $8, answer = $9::text::json FROM settled s WHERE k.order_id = s.id
), cart AS (
    UPDATE carts c SET state = 'ordered', updated_at = now() FROM settled s WHERE c.id = s.cart_id
)
SELECT id FROM settled
"""  # noqa: S608

AWAIT_ACTION = f"""
WITH event AS ({_EVENT}), settled AS (
    UPDATE orders SET action_url = $7, settle_at = now() + make_interval(secs => $8)
    WHERE id = $1 AND state = 'payment_pending' RETURNING id
), answered AS (
    UPDATE checkout_keys k SET status = $9, answer = $10::text::json FROM settled s WHERE k.order_id = s.id
)
SELECT id FROM settled
"""  # noqa: S608

_RELEASED = f"""
WITH settled AS (
    UPDATE orders SET state = 'payment_failed', settle_at = NULL, action_url = NULL
    WHERE id = $1 AND state = 'payment_pending' RETURNING id, cart_id
), benefits AS MATERIALIZED (
    SELECT release_benefits(id) FROM settled
), history AS (
    INSERT INTO order_history (order_id, state, reason) SELECT id, 'payment_failed', $7 FROM settled, benefits
), cart AS (
    UPDATE carts c SET state = 'open', updated_at = now() FROM settled s WHERE c.id = s.cart_id RETURNING 1
), claims AS (
    DELETE FROM reservations r USING settled s WHERE r.order_id = s.id
    RETURNING r.variant_id, r.location_id, r.quantity
), {GIVE_BACK}, {carry_out("settled, benefits, (SELECT count(*) FROM cart) AS cart_first")}
"""  # noqa: S608

# The gateway refused or ended the payment: the key keeps that answer.
FAIL = f"""{_RELEASED}, event AS ({_EVENT}), answered AS (
    UPDATE checkout_keys k SET status = $8, answer = $9::text::json FROM settled s WHERE k.order_id = s.id
)
SELECT id FROM settled
"""  # noqa: S608

# The gateway is known to have taken nothing: the key is free again, for the same request to be tried anew.
RELEASE = f"""{_RELEASED.replace("$7", "$2")}, freed AS (
    DELETE FROM checkout_keys k USING settled s WHERE k.order_id = s.id
)
SELECT id FROM settled
"""  # noqa: S608

_ORDER = """
    o.id, o.number, o.state, o.token, o.payment_reference, o.total, o.currency, o.action_url,
    o.total - o.gift_card AS due,
    (SELECT max(e.payment_id) FROM payment_events e WHERE e.order_id = o.id) AS payment_id,
    o.created_at < now() - make_interval(secs => 5) AS abandoned
"""

KEY = f"""
SELECT k.fingerprint, k.status, k.answer, {_ORDER}
FROM checkout_keys k JOIN orders o ON o.id = k.order_id WHERE k.key = $1
"""  # noqa: S608

ORDER = f"SELECT {_ORDER} FROM orders o WHERE o.id = $1"  # noqa: S608
ORDER_BY_NUMBER = f"SELECT {_ORDER} FROM orders o WHERE o.number = $1"  # noqa: S608
ORDER_OF_CART = f"""
SELECT {_ORDER} FROM orders o WHERE o.cart_id = $1 AND o.state <> 'payment_failed'
"""  # noqa: S608
ANSWER = "SELECT status, answer FROM checkout_keys WHERE order_id = $1"

# A claim by time instead of a lock: whoever dies with an order lets go of it by itself.
CLAIM_DUE = """
UPDATE orders SET settle_at = now() + make_interval(secs => $1)
WHERE id IN (
    SELECT id FROM orders WHERE settle_at <= now() ORDER BY settle_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
