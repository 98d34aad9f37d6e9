"""All SQL that reads the catalogue: one statement per page or answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

# Whether any variant can be had now; one that is spread over buckets counts, for it sells too fast to tell.
# To filter or sort many products the planner may read all stock at once …
_IN_STOCK = """EXISTS (
    SELECT FROM variants v JOIN stock s ON s.variant_id = v.id
    WHERE v.product_id = p.id AND v.active AND (s.available > 0 OR s.buckets > 0))"""
# … but for the few that a list shows it must look up each: LIMIT makes it.
_CARD = """p.id, p.handle, p.title, p.vendor, p.kind, p.price_min, p.price_max, p.compare_at,
    p.image, p.image_alt,
    (SELECT true FROM variants v JOIN stock s ON s.variant_id = v.id
     WHERE v.product_id = p.id AND v.active AND (s.available > 0 OR s.buckets > 0)
     LIMIT 1) IS NOT NULL AS in_stock"""

# From what was typed to a text query. A word that occurs in the catalogue stands; the beginning of one
# matches all that begin so; any other of more than three letters becomes the nearest one that occurs, within
# pg_trgm's own threshold. Stop words match nothing and fall away.
# When no product has all the words, those with some of them are better than none.
_TERMS = """
given AS (
    SELECT w.word, w.n, to_tsquery('english', quote_literal(w.word)) AS query
    FROM regexp_split_to_table(search_plain($1), '\\W+') WITH ORDINALITY AS w(word, n)
    WHERE w.word <> '' AND w.n <= 12
), known AS (
    SELECT g.*, EXISTS (SELECT FROM products p WHERE p.published AND p.search @@ g.query) AS exact
    FROM given g WHERE numnode(g.query) > 0
), meant AS (
    SELECT k.n, k.word, k.exact, begun.word IS NOT NULL AS begun, near.word AS near
    FROM known k
    LEFT JOIN LATERAL (
        SELECT s.word FROM search_words s
        WHERE NOT k.exact AND s.word > k.word AND s.word < k.word || chr(1114111) LIMIT 1
    ) begun ON true
    LEFT JOIN LATERAL (
        SELECT s.word FROM search_words s
        WHERE NOT k.exact AND begun.word IS NULL AND length(k.word) > 3 AND s.word % k.word
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
    SELECT text, mended, CASE WHEN EXISTS (SELECT FROM products p WHERE p.published AND p.search @@ strict)
        THEN strict ELSE loose END AS query
    FROM queries
)"""


class Sort(StrEnum):
    """The orders in which products can be listed."""

    FEATURED = "featured"
    NEWEST = "newest"
    CHEAPEST = "price"
    DEAREST = "-price"
    TITLE = "title"


_ORDERS = {
    Sort.FEATURED: "p.id",
    Sort.NEWEST: "p.id DESC",
    Sort.CHEAPEST: "p.price_min, p.id",
    Sort.DEAREST: "p.price_min DESC, p.id",
    Sort.TITLE: "p.title, p.id",
}
# What can be had comes before what cannot, then the better match.
_BEST_MATCH = f"{_IN_STOCK} DESC, ts_rank(p.search, t.query) DESC, p.id"


def list_page(
    *,
    collection: str | None,
    terms: str | None,
    sort: Sort | None,
    price_from: int | None,
    price_to: int | None,
    in_stock: bool,
    limit: int,
    offset: int,
) -> tuple[str, list[Any]]:
    """The statement and its arguments for one page of products of a collection, of a search, or of all.

    Its rows start with `head_title`, `head_text` (the collection's, or the words searched for) and `mended`;
    at least one row comes back unless the collection does not exist. `sort` None is the natural order.
    """
    args: list[Any] = []

    def bind(value: Any) -> str:
        args.append(value)
        return f"${len(args)}"

    order = _ORDERS[sort or Sort.FEATURED]
    conditions = ["p.published"]
    if terms is not None:
        bind(terms)
        head = _TERMS + ", head AS (SELECT text AS title, '' AS text, mended FROM terms)"  # noqa: S608
        source = "terms t JOIN products p ON p.search @@ t.query"
        order = _ORDERS[sort] if sort else _BEST_MATCH
    elif collection is not None:
        bind(collection)
        head = """head AS (
            SELECT id, title, description AS text, false AS mended FROM collections WHERE handle = $1
        )"""
        source = """head h JOIN collection_products m ON m.collection_id = h.id
            JOIN products p ON p.id = m.product_id"""
    else:
        head = "head AS (SELECT '' AS title, '' AS text, false AS mended)"
        source = "products p"
    if price_from is not None:
        conditions.append(f"p.price_max >= {bind(price_from)}")
    if price_to is not None:
        conditions.append(f"p.price_min <= {bind(price_to)}")
    if in_stock:
        conditions.append(_IN_STOCK)
    sql = f"""
WITH {head}, page AS (
    SELECT p.id, row_number() OVER (ORDER BY {order}) AS n, count(*) OVER () AS total
    FROM {source} WHERE {" AND ".join(conditions)}
    ORDER BY n LIMIT {bind(limit)} OFFSET {bind(offset)}
)
SELECT head.title AS head_title, head.text AS head_text, head.mended, page.total, {_CARD}
FROM head LEFT JOIN (page JOIN products p ON p.id = page.id) ON true ORDER BY page.n
"""  # noqa: S608  # every value is bound; the parts are the constants above
    return sql, args


# The API's list: by id, from after the last one seen.
LIST_FROM = f"""
SELECT {_CARD}, 0::float8 AS rank FROM products p
WHERE p.published AND p.id > $1 ORDER BY p.id LIMIT $2
"""  # noqa: S608

LIST_COLLECTION_FROM = f"""
SELECT {_CARD}, 0::float8 AS rank
FROM collections c JOIN collection_products m ON m.collection_id = c.id JOIN products p ON p.id = m.product_id
WHERE c.handle = $3 AND p.published AND m.product_id > $1 ORDER BY m.product_id LIMIT $2
"""  # noqa: S608

# $2: the rank of the last one seen, or null; $5: a collection's handle, or null.
SEARCH_FROM = f"""
WITH {_TERMS}, found AS (
    SELECT p.id, ts_rank(p.search, t.query)::float8 AS rank
    FROM terms t JOIN products p ON p.search @@ t.query
    WHERE p.published AND ($5::text IS NULL OR EXISTS (
        SELECT FROM collections c JOIN collection_products m ON m.collection_id = c.id
        WHERE c.handle = $5 AND m.product_id = p.id))
)
SELECT {_CARD}, found.rank FROM found JOIN products p ON p.id = found.id
WHERE $2::float8 IS NULL OR found.rank < $2 OR (found.rank = $2 AND found.id > $3)
ORDER BY found.rank DESC, found.id LIMIT $4
"""  # noqa: S608

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
    SELECT {_CARD} FROM collection_products m JOIN products p ON p.id = m.product_id
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
SELECT {_CARD} FROM (
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
