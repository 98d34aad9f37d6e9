"""The SQL of the import. Each statement takes a whole batch; a row that was there before keeps its id."""

from __future__ import annotations

START = "SELECT nextval('catalog_imports')"

# Products that this same import has written already.
WRITTEN = "SELECT handle FROM products WHERE handle = ANY($1::text[]) AND import_run = $2"

# Goods that a file takes for gift cards.
GOODS = """
SELECT DISTINCT p.handle
FROM jsonb_to_recordset($1::text::jsonb) AS r(handle text, options text[])
JOIN products p ON p.handle = r.handle
JOIN variants v ON v.product_id = p.id AND NOT v.gift_card
    AND (v.option1, v.option2, v.option3) = (r.options[1], r.options[2], r.options[3])
"""

# `new` tells a row that was there before from one that was not: xmax is zero in the latter alone.
PRODUCTS = """
INSERT INTO products AS p (handle, title, body_html, vendor, category, kind, tags, options, seo_title,
                           seo_description, published, image, image_alt, import_run)
SELECT handle, title, body_html, vendor, category, kind, tags, options, seo_title,
       seo_description, published, image, image_alt, $2
FROM jsonb_to_recordset($1::text::jsonb) AS r(
    n integer, handle text, title text, body_html text, vendor text, category text, kind text, tags text[],
    options text[], seo_title text, seo_description text, published boolean, image text, image_alt text)
ORDER BY n
ON CONFLICT (handle) DO UPDATE SET
    title = excluded.title, body_html = excluded.body_html, vendor = excluded.vendor,
    category = excluded.category, kind = excluded.kind, tags = excluded.tags, options = excluded.options,
    seo_title = excluded.seo_title, seo_description = excluded.seo_description,
    published = excluded.published, image = excluded.image, image_alt = excluded.image_alt,
    import_run = excluded.import_run,
    updated_at = CASE
        WHEN (p.title, p.body_html, p.vendor, p.kind, p.tags, p.options, p.published, p.image)
            IS DISTINCT FROM (excluded.title, excluded.body_html, excluded.vendor, excluded.kind,
                              excluded.tags, excluded.options, excluded.published, excluded.image)
        THEN now() ELSE p.updated_at END
RETURNING id, handle, xmax = 0 AS new
"""

VARIANTS = """
INSERT INTO variants (product_id, position, title, option1, option2, option3, sku, barcode, price, compare_at,
                      weight_grams, requires_shipping, taxable, image, length_mm, width_mm, height_mm,
                      gift_card)
SELECT product_id, position, title, option1, option2, option3, sku, barcode, price, compare_at,
       weight_grams, requires_shipping, taxable, image, size[1], size[2], size[3], gift_card
FROM jsonb_to_recordset($1::text::jsonb) AS r(
    product_id bigint, position integer, title text, option1 text, option2 text, option3 text, sku text,
    barcode text, price bigint, compare_at bigint, weight_grams integer, requires_shipping boolean,
    taxable boolean, image text, size integer[], gift_card boolean)
ORDER BY product_id, position
ON CONFLICT (product_id, option1, option2, option3) DO UPDATE SET
    position = excluded.position, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode,
    -- What is a gift card stays one, and a file that does not know of it does not know what it may be worth.
    price = CASE WHEN variants.gift_card AND NOT excluded.gift_card THEN variants.price
                 ELSE excluded.price END,
    compare_at = excluded.compare_at, weight_grams = excluded.weight_grams,
    requires_shipping = excluded.requires_shipping, taxable = excluded.taxable, image = excluded.image,
    -- A file that does not say how big a thing is does not make it smaller.
    length_mm = coalesce(excluded.length_mm, variants.length_mm),
    width_mm = coalesce(excluded.width_mm, variants.width_mm),
    height_mm = coalesce(excluded.height_mm, variants.height_mm), active = true
RETURNING id, product_id, option1, option2, option3
"""

# Those that the file no longer has. Only of products whose every row was good: a refused row is no farewell.
RETIRE_VARIANTS = """
UPDATE variants SET active = false
WHERE product_id = ANY($1::bigint[]) AND active AND id <> ALL($2::bigint[])
"""

# What lists sort and filter by; after the variants and their stock.
PRICES = """
UPDATE products p SET price_min = v.price_min, price_max = v.price_max, compare_at = v.compare_at,
    facets = v.facets, in_stock = v.in_stock
FROM (
    SELECT product_id, min(price) AS price_min, max(price) AS price_max,
           (array_agg(compare_at ORDER BY price, position) FILTER (WHERE compare_at > price))[1]
               AS compare_at,
           catalog_facets(product_id) AS facets,
           bool_or(EXISTS (SELECT FROM stock s WHERE s.variant_id = variants.id
                           AND (s.available > 0 OR s.buckets > 0))) AS in_stock
    FROM variants WHERE product_id = ANY($1::bigint[]) AND active GROUP BY product_id
) v
WHERE p.id = v.product_id
  AND (p.price_min, p.price_max, p.compare_at, p.facets, p.in_stock)
      IS DISTINCT FROM (v.price_min, v.price_max, v.compare_at, v.facets, v.in_stock)
"""

RETIRE_MEDIA = """
DELETE FROM media m USING (SELECT unnest($1::bigint[]) AS product_id) touched
WHERE m.product_id = touched.product_id AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset($2::text::jsonb) AS r(product_id bigint, path text)
    WHERE r.product_id = m.product_id AND r.path = m.path)
"""

MEDIA = """
INSERT INTO media (product_id, position, path, alt)
SELECT product_id, position, path, alt FROM jsonb_to_recordset($1::text::jsonb)
    AS r(product_id bigint, position integer, path text, alt text)
ON CONFLICT (product_id, path) DO UPDATE SET position = excluded.position, alt = excluded.alt
WHERE (media.position, media.alt) IS DISTINCT FROM (excluded.position, excluded.alt)
"""

COLLECTIONS = """
INSERT INTO collections (handle, title)
SELECT handle, title FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r(handle, title, n)
WHERE NOT EXISTS (SELECT FROM collections c WHERE c.handle = r.handle) ORDER BY n
ON CONFLICT (handle) DO NOTHING
"""

# A product moves: it leaves the collections that the file does not name.
LEAVE_COLLECTIONS = """
DELETE FROM collection_products m
USING unnest($1::bigint[], $2::text[]) AS r(product_id, handle), collections c
WHERE m.product_id = r.product_id AND c.id = m.collection_id AND c.handle <> r.handle
"""

JOIN_COLLECTIONS = """
INSERT INTO collection_products (collection_id, product_id)
SELECT c.id, r.product_id FROM unnest($1::bigint[], $2::text[]) AS r(product_id, handle)
JOIN collections c ON c.handle = r.handle
ON CONFLICT DO NOTHING
"""

# As written, not stemmed: a misspelt word is compared with whole ones. Numbers and letters mend nothing.
WORDS = """
WITH used AS MATERIALIZED (
    SELECT word, ndoc FROM ts_stat($words$
        SELECT to_tsvector('simple', search_plain(
            title || ' ' || kind || ' ' || vendor || ' ' || search_joined(tags)
            || ' ' || regexp_replace(body_html, '<[^>]*>', ' ', 'g')))
        FROM products WHERE published $words$)
    WHERE length(word) BETWEEN 2 AND 40 AND word !~ '[0-9/.@]'
), gone AS (
    DELETE FROM search_words s WHERE NOT EXISTS (SELECT FROM used u WHERE u.word = s.word)
)
INSERT INTO search_words (word, uses) SELECT word, ndoc FROM used
ON CONFLICT (word) DO UPDATE SET uses = excluded.uses WHERE search_words.uses <> excluded.uses
"""
