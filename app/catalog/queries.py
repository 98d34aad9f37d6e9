"""All SQL that reads the catalogue: one statement per page or answer."""

from __future__ import annotations

from enum import StrEnum

# What a list shows of a product. Whether any variant can be had now; one that is spread over buckets counts,
# for it sells too fast to tell. LIMIT makes the planner look up each rather than read all stock.
CARD = """p.id, p.handle, p.title, p.vendor, p.kind, p.price_min, p.price_max, p.compare_at,
    p.image, p.image_alt,
    (SELECT true FROM variants v JOIN stock s ON s.variant_id = v.id
     WHERE v.product_id = p.id AND v.active AND (s.available > 0 OR s.buckets > 0)
     LIMIT 1) IS NOT NULL AS in_stock"""

# From what was typed to a text query. A word that occurs in the catalogue stands; the beginning of one
# matches all that begin so; any other becomes one that two of its letters, swapped, make; or, with more than
# three letters, the nearest one that occurs, within pg_trgm's own threshold. Stop words match nothing and
# fall away. When no product has all the words, those with some of them are better than none.
TERMS = """
given AS (
    SELECT w.word, w.n, to_tsquery('english', quote_literal(w.word)) AS query
    FROM regexp_split_to_table(search_plain($1), '\\W+') WITH ORDINALITY AS w(word, n)
    WHERE w.word <> '' AND w.n <= 12
), known AS MATERIALIZED (
    SELECT g.*, search_finds(g.query) AS exact
    FROM given g WHERE numnode(g.query) > 0
), meant AS (
    SELECT k.n, k.word, k.exact, begun.word IS NOT NULL AS begun, coalesce(swapped.word, near.word) AS near
    FROM known k
    LEFT JOIN LATERAL (
        SELECT s.word FROM search_words s
        WHERE NOT k.exact AND s.word > k.word AND s.word < k.word || chr(1114111) LIMIT 1
    ) begun ON true
    LEFT JOIN LATERAL (
        SELECT s.word FROM search_words s
        WHERE NOT k.exact AND begun.word IS NULL AND length(k.word) > 2 AND s.word = ANY(ARRAY(
            SELECT overlay(k.word PLACING reverse(substr(k.word, i, 2)) FROM i FOR 2)
            FROM generate_series(1, length(k.word) - 1) i))
        ORDER BY s.uses DESC, s.word LIMIT 1
    ) swapped ON true
    LEFT JOIN LATERAL (
        SELECT s.word FROM search_words s
        WHERE NOT k.exact AND begun.word IS NULL AND swapped.word IS NULL
            AND length(k.word) > 3 AND s.word % k.word
        ORDER BY similarity(s.word, k.word) DESC, s.uses DESC, s.word LIMIT 1
    ) near ON true
), queries AS (
    SELECT string_agg(term, ' & ' ORDER BY n)::tsquery AS strict, string_agg(term, ' | ')::tsquery AS loose,
           string_agg(coalesce(near, word), ' ' ORDER BY n) AS text, count(near) > 0 AS mended
    FROM (
        SELECT n, word, near, '(' || to_tsquery('english', quote_literal(coalesce(near, word))
            || CASE WHEN begun THEN ':*' ELSE '' END)::text || ')' AS term FROM meant
    ) terms
), terms AS MATERIALIZED (
    SELECT text, mended, CASE WHEN search_finds(strict) THEN strict ELSE loose END AS query
    FROM queries
)"""


class Sort(StrEnum):
    """The orders in which products can be listed."""

    FEATURED = "featured"
    NEWEST = "newest"
    CHEAPEST = "price"
    DEAREST = "-price"
    TITLE = "title"


# Of products whose stock came or went since this was last asked.
LOOK_AT_STOCK = """
UPDATE products p SET in_stock = now.in_stock
FROM (
    SELECT v.product_id, bool_or(s.available > 0 OR s.buckets > 0) AS in_stock
    FROM variants v JOIN stock s ON s.variant_id = v.id WHERE v.active GROUP BY v.product_id
) now
WHERE p.id = now.product_id AND p.in_stock <> now.in_stock
"""

HANDLES = "SELECT handle FROM products"

COLLECTION_EXISTS = "SELECT EXISTS (SELECT FROM collections WHERE handle = $1)"

_PRODUCT = """
    p.id, p.handle, p.title, p.body_html, p.vendor, p.kind, p.tags, p.options,
    p.seo_title, p.seo_description, p.image, p.image_alt,
    (SELECT json_agg(r) FROM (
        SELECT v.id, v.sku, v.title, ARRAY[v.option1, v.option2, v.option3] AS options, v.barcode, v.price,
               v.compare_at, v.weight_grams, v.image,
               coalesce((SELECT a.available FROM stock_available a WHERE a.variant_id = v.id), 0) AS available
        FROM variants v WHERE v.product_id = p.id AND v.active ORDER BY v.position, v.id
    ) r) AS variants,
    (SELECT json_agg(r) FROM (
        SELECT m.path, m.alt FROM media m WHERE m.product_id = p.id ORDER BY m.position, m.path
    ) r) AS media,
    (SELECT json_agg(r) FROM (
        SELECT c.handle, c.title FROM collection_products m JOIN collections c ON c.id = m.collection_id
        WHERE m.product_id = p.id ORDER BY c.id
    ) r) AS collections"""

PRODUCT = f"SELECT {_PRODUCT} FROM products p WHERE p.handle = $1 AND p.published"  # noqa: S608

# With a few others of its first collection, from the product on, so that each leads to different ones.
PRODUCT_PAGE = f"""
WITH this AS ({PRODUCT})
SELECT this.*, (SELECT json_agg(r) FROM (
    SELECT {CARD} FROM collection_products m JOIN products p ON p.id = m.product_id
    WHERE m.collection_id = (
        SELECT min(f.collection_id) FROM collection_products f WHERE f.product_id = this.id
    ) AND p.published AND p.id <> this.id AND p.image IS NOT NULL
    ORDER BY p.id < this.id, p.id LIMIT $2
) r) AS related
FROM this
"""  # noqa: S608

COLLECTION_LINKS = """
SELECT c.handle, c.title FROM collections c
WHERE EXISTS (
    SELECT FROM collection_products m JOIN products p ON p.id = m.product_id
    WHERE m.collection_id = c.id AND p.published)
ORDER BY c.id LIMIT $1
"""

# With the picture of the collection's first product that has one.
COLLECTIONS = """
SELECT c.handle, c.title, first.image, shown.products
FROM collections c CROSS JOIN LATERAL (
    SELECT count(*)::integer AS products FROM collection_products m JOIN products p ON p.id = m.product_id
    WHERE m.collection_id = c.id AND p.published
) shown LEFT JOIN LATERAL (
    SELECT p.image FROM collection_products m JOIN products p ON p.id = m.product_id
    WHERE m.collection_id = c.id AND p.published AND p.image IS NOT NULL ORDER BY m.product_id LIMIT 1
) first ON true
WHERE shown.products > 0 ORDER BY c.id
"""

# The newest product of each collection, newest first: the newest of all would often be of one kind.
NEWEST = f"""
SELECT {CARD} FROM (
    SELECT DISTINCT last.product_id FROM collections c CROSS JOIN LATERAL (
        SELECT m.product_id FROM collection_products m JOIN products q ON q.id = m.product_id
        WHERE m.collection_id = c.id AND q.published AND q.image IS NOT NULL
        ORDER BY m.product_id DESC LIMIT 1
    ) last ORDER BY last.product_id DESC LIMIT $1
) newest JOIN products p ON p.id = newest.product_id ORDER BY p.id DESC
"""  # noqa: S608

HOME = f"""
SELECT (SELECT json_agg(r) FROM ({COLLECTIONS}) r) AS collections,
       (SELECT json_agg(r) FROM ({NEWEST}) r) AS newest
"""  # noqa: S608

# An address and the day it changed, in parts as a sitemap allows.
SITEMAP_SIZE = "SELECT count(*) FROM products WHERE published"
SITEMAP_PRODUCTS = """
SELECT handle, updated_at FROM products WHERE published ORDER BY id LIMIT $1 OFFSET $2
"""
SITEMAP_COLLECTIONS = "SELECT handle FROM collections ORDER BY id"
