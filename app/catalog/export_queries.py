"""The SQL of the export: products in batches, each whole, with its variants, pictures and shelves."""

from __future__ import annotations

# Units are what the main location ($3) has free, which is what the import sets.
BATCH = """
SELECT p.id, p.handle, p.title, p.body_html, p.vendor, p.category, p.kind, p.tags, p.options, p.seo_title,
       p.seo_description, p.published, coalesce(v.rows, '[]') AS variants, coalesce(m.rows, '[]') AS pictures,
       coalesce(c.titles, '{}') AS collections
FROM (SELECT * FROM products WHERE id > $1 ORDER BY id LIMIT $2) p
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'options', json_build_array(v.option1, v.option2, v.option3), 'sku', v.sku,
               'barcode', v.barcode, 'price', v.price, 'compare_at', v.compare_at,
               'weight_grams', v.weight_grams, 'units', s.units, 'requires_shipping', v.requires_shipping,
               'taxable', v.taxable, 'gift_card', v.gift_card, 'size', CASE WHEN v.length_mm > 0 THEN
                   json_build_array(v.length_mm, v.width_mm, v.height_mm) END,
               'image', v.image) ORDER BY v.position, v.id)::text AS rows
    FROM variants v
    LEFT JOIN LATERAL (
        SELECT sum(available)::bigint AS units FROM stock_places
        WHERE variant_id = v.id AND location_id = $3
    ) s ON true
    WHERE v.product_id = p.id AND v.active
) v ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(position, path, alt) ORDER BY position, path)::text AS rows
    FROM media WHERE product_id = p.id
) m ON true
LEFT JOIN LATERAL (
    SELECT array_agg(c.title ORDER BY c.id) AS titles
    FROM collection_products x JOIN collections c ON c.id = x.collection_id WHERE x.product_id = p.id
) c ON true
ORDER BY p.id
"""
