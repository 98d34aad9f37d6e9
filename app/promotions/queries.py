"""All SQL on promotions and vouchers. Their booking is `book_benefits`, carried by the order's statement."""

_RULE = """
    p.id, p.title, p.automatic, p.active, p.action, p.products, p.collections, p.minimum_spend,
    p.minimum_quantity, p.starts_at, p.ends_at, p.usage_limit, p.per_customer, p.first_order, p.priority,
    p.exclusive, p.stack_group,
    p.usage_limit IS NOT NULL AND NOT EXISTS (
        SELECT FROM promotion_slots s WHERE s.promotion_id = p.id AND s.used < s.most
    ) AS is_spent
"""

AUTOMATIC = f"""
SELECT {_RULE} FROM promotions p
WHERE p.automatic AND p.active AND coalesce(p.ends_at > now(), true) ORDER BY p.priority, p.id
"""  # noqa: S608

BY_CODES = f"""
SELECT v.code, v.order_id IS NOT NULL AS is_used, {_RULE}
FROM vouchers v JOIN promotions p ON p.id = v.promotion_id WHERE v.code = ANY ($1)
"""  # noqa: S608

SHOPPER = """
SELECT EXISTS (
    SELECT FROM orders WHERE lower(email) = $1 AND state NOT IN ('payment_failed', 'cancelled')
) AS has_ordered, coalesce((
    SELECT jsonb_object_agg(promotion_id, uses) FROM (
        SELECT promotion_id, count(*) AS uses FROM promotion_uses
        WHERE customer = $1 AND promotion_id = ANY ($2) AND nth IS NOT NULL GROUP BY 1
    ) AS counted
), '{}') AS uses
"""

COLLECTIONS = """
SELECT product_id, array_agg(collection_id) AS collections FROM collection_products
WHERE product_id = ANY ($1) AND collection_id = ANY ($2) GROUP BY 1
"""

ALL = f"""
SELECT {_RULE},
       (SELECT count(*) FROM promotion_uses u WHERE u.promotion_id = p.id) AS uses,
       (SELECT count(*) FROM vouchers v WHERE v.promotion_id = p.id) AS codes
FROM promotions p ORDER BY p.active DESC, p.id DESC LIMIT 500
"""  # noqa: S608

ONE = f"SELECT {_RULE} FROM promotions p WHERE p.id = $1"  # noqa: S608

_RECORD = f"""
    {_RULE}, p.created_at,
    ARRAY(SELECT handle FROM products WHERE id = ANY (p.products) ORDER BY id) AS product_handles,
    ARRAY(SELECT handle FROM collections WHERE id = ANY (p.collections) ORDER BY id) AS collection_handles
"""  # noqa: S608
RECORD = f"SELECT {_RECORD} FROM promotions p WHERE p.id = $1"  # noqa: S608
RECORDS = f"""
SELECT {_RECORD} FROM promotions p
WHERE p.id < $1 AND ($3::boolean IS NULL OR p.active = $3) AND ($4::boolean IS NULL OR p.automatic = $4)
ORDER BY p.id DESC LIMIT $2
"""  # noqa: S608
# Not the key: orders and codes that refer to it go on.
LOCK = "SELECT FROM promotions WHERE id = $1 FOR NO KEY UPDATE"

CREATE = """
WITH made AS (
    INSERT INTO promotions (title, automatic, action, products, collections, minimum_spend, minimum_quantity,
                            starts_at, ends_at, usage_limit, per_customer, first_order, priority, exclusive,
                            stack_group)
    VALUES ($1, $2, $3::text::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    RETURNING id, usage_limit
), slots AS (
    INSERT INTO promotion_slots (promotion_id, slot, most)
    SELECT id, slot, usage_limit / n + CASE WHEN slot <= usage_limit % n THEN 1 ELSE 0 END
    FROM made, least(usage_limit, $16) AS n, generate_series(1, n) AS slot WHERE usage_limit IS NOT NULL
)
SELECT id FROM made
"""

# What it does stays: orders were placed by it. For another benefit there is another promotion.
CHANGE = "UPDATE promotions SET title = $2, starts_at = $3, ends_at = $4, priority = $5 WHERE id = $1"
SWITCH = "UPDATE promotions SET active = $2 WHERE id = $1 RETURNING title"

ADD_CODES = """
INSERT INTO vouchers (code, promotion_id, single_use)
SELECT code, $1, $3 FROM unnest($2::text[]) AS code ON CONFLICT (code) DO NOTHING RETURNING code
"""

CODES = """
SELECT v.code, v.single_use, o.number AS order_number, v.created_at
FROM vouchers v LEFT JOIN orders o ON o.id = v.order_id WHERE v.promotion_id = $1
ORDER BY v.created_at, v.code LIMIT $2
"""
CODES_AFTER = """
SELECT v.code, v.single_use, o.number AS order_number, v.created_at
FROM vouchers v LEFT JOIN orders o ON o.id = v.order_id WHERE v.promotion_id = $1 AND v.code > $2
ORDER BY v.code LIMIT $3
"""
PRODUCT_IDS = "SELECT id, handle FROM products WHERE handle = ANY ($1)"
COLLECTION_IDS = "SELECT id, handle FROM collections WHERE handle = ANY ($1)"
