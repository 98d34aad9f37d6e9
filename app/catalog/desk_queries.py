"""SQL of the catalogue's desk screens: lists with what is unpublished too, and collections."""

from __future__ import annotations

# By title, handle or SKU; every product when $1 is empty. $2: 'published', 'hidden' or ''.
PRODUCTS = """
SELECT p.id, p.handle, p.title, p.vendor, p.published, p.price_min, p.price_max, p.image, p.image_alt,
       p.updated_at, stock.available
FROM products p LEFT JOIN LATERAL (
    SELECT sum(a.available)::integer AS available
    FROM variants v JOIN stock_available a ON a.variant_id = v.id WHERE v.product_id = p.id AND v.active
) stock ON true
WHERE ($1 = '' OR p.title ILIKE '%' || $3 || '%' OR p.handle ILIKE '%' || $3 || '%'
       OR EXISTS (SELECT FROM variants v WHERE v.product_id = p.id AND v.sku ILIKE $3 || '%'))
  AND ($2 = '' OR p.published = ($2 = 'published'))
ORDER BY p.updated_at DESC, p.id DESC LIMIT $4 OFFSET $5
"""
UNITS = """
SELECT v.id, coalesce(a.available, 0) AS available
FROM variants v LEFT JOIN stock_available a ON a.variant_id = v.id WHERE v.product_id = $1
"""
TAX_CLASS = "SELECT tax_class FROM products WHERE id = $1"
SET_TAX_CLASS = "UPDATE products SET tax_class = $2 WHERE id = $1"
COLLECTIONS = """
SELECT c.id, c.handle, c.title, c.description, count(m.product_id)::integer AS products
FROM collections c LEFT JOIN collection_products m ON m.collection_id = c.id
GROUP BY c.id ORDER BY lower(c.title), c.id
"""
COLLECTION = "SELECT id, handle, title, description FROM collections WHERE id = $1"
COLLECTION_PRODUCTS = """
SELECT p.id, p.title, p.published, p.image, p.image_alt
FROM collection_products m JOIN products p ON p.id = m.product_id
WHERE m.collection_id = $1 ORDER BY p.id DESC LIMIT $2 OFFSET $3
"""
ADD_COLLECTION = """
INSERT INTO collections (handle, title, description) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id
"""
CHANGE_COLLECTION = "UPDATE collections SET title = $2, description = $3 WHERE id = $1"
COLLECTIONS_OF = "SELECT collection_id FROM collection_products WHERE product_id = $1 ORDER BY 1"
LEAVE_COLLECTIONS = "DELETE FROM collection_products WHERE product_id = $1 AND collection_id <> ALL ($2)"
JOIN_COLLECTIONS = """
INSERT INTO collection_products (collection_id, product_id)
SELECT id, $1 FROM collections WHERE id = ANY ($2) ON CONFLICT DO NOTHING
"""
