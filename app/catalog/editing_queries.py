"""The SQL that changes one product or variant at a time; whole catalogues come through the import."""

from __future__ import annotations

_PRODUCT = """
    p.id, p.handle, p.title, p.body_html, p.vendor, p.category, p.kind, p.tags, p.options, p.seo_title,
    p.seo_description, p.published, p.created_at, p.updated_at,
    (SELECT json_agg(r) FROM (
        SELECT v.id, v.position, v.title, ARRAY[v.option1, v.option2, v.option3] AS options, v.sku, v.barcode,
               v.price, v.compare_at, v.weight_grams, v.requires_shipping, v.taxable, v.image, v.active,
               CASE WHEN v.length_mm > 0 THEN ARRAY[v.length_mm, v.width_mm, v.height_mm] END AS size_mm,
               v.gift_card
        FROM variants v WHERE v.product_id = p.id ORDER BY v.position, v.id
    ) r) AS variants,
    (SELECT json_agg(r) FROM (
        SELECT m.path, m.alt FROM media m WHERE m.product_id = p.id ORDER BY m.position, m.path
    ) r) AS pictures"""

PRODUCT = f"SELECT {_PRODUCT} FROM products p WHERE p.id = $1"  # noqa: S608

# What may be made of the product is decided while nobody else changes it.
LOCK = "SELECT id FROM products WHERE id = $1 FOR UPDATE"

LIST = f"""
SELECT {_PRODUCT} FROM products p
WHERE p.id > $1 AND ($3::boolean IS NULL OR p.published = $3)
  AND ($4::text IS NULL OR EXISTS (SELECT FROM variants v WHERE v.product_id = p.id AND v.sku = $4))
  AND ($5::timestamptz IS NULL OR p.updated_at >= $5)
ORDER BY p.id LIMIT $2
"""  # noqa: S608

CREATE = """
INSERT INTO products (handle, title, body_html, vendor, category, kind, tags, options, seo_title,
                      seo_description, published)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (handle) DO NOTHING RETURNING id
"""

CHANGE = """
UPDATE products SET title = $2, body_html = $3, vendor = $4, category = $5, kind = $6, tags = $7,
       seo_title = $8, seo_description = $9, published = $10, updated_at = clock_timestamp()
WHERE id = $1
"""

TOUCH = "UPDATE products SET updated_at = clock_timestamp() WHERE id = $1"

CLEAR_MEDIA = "DELETE FROM media WHERE product_id = $1"
MEDIA = """
INSERT INTO media (product_id, position, path, alt)
SELECT $1, n, path, alt FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS r(path, alt, n)
"""
FIRST_PICTURE = """
UPDATE products p SET image = m.path, image_alt = coalesce(m.alt, '')
FROM (SELECT $1::bigint AS id) this LEFT JOIN LATERAL (
    SELECT path, alt FROM media WHERE product_id = this.id ORDER BY position LIMIT 1
) m ON true WHERE p.id = this.id
"""

CREATE_VARIANT = """
INSERT INTO variants (product_id, position, title, option1, option2, option3, sku, barcode, price, compare_at,
                      weight_grams, requires_shipping, taxable, image, active, length_mm, width_mm, height_mm,
                      gift_card)
SELECT $1, coalesce(max(position), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
       ($15::integer[])[1], ($15::integer[])[2], ($15::integer[])[3], $16
FROM variants WHERE product_id = $1
ON CONFLICT (product_id, option1, option2, option3) DO NOTHING RETURNING id
"""

PRODUCT_OF = "SELECT product_id FROM variants WHERE id = $1"

CHANGE_VARIANT = """
UPDATE variants SET sku = $2, barcode = $3, price = $4, compare_at = $5, weight_grams = $6,
       requires_shipping = $7, taxable = $8, image = $9, active = $10,
       length_mm = ($11::integer[])[1], width_mm = ($11::integer[])[2], height_mm = ($11::integer[])[3]
WHERE id = $1
"""

# The words of one product, at once; the import counts all of them anew.
WORDS = """
INSERT INTO search_words (word, uses)
SELECT word, 1 FROM unnest(tsvector_to_array((
    SELECT to_tsvector('simple', search_plain(
        title || ' ' || kind || ' ' || vendor || ' ' || search_joined(tags)
        || ' ' || regexp_replace(body_html, '<[^>]*>', ' ', 'g')))
    FROM products WHERE id = $1 AND published
))) AS w(word)
WHERE length(word) BETWEEN 2 AND 40 AND word !~ '[0-9/.@]'
ON CONFLICT (word) DO NOTHING
"""
