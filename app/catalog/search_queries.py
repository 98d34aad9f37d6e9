"""The statements of lists and searches: pages, slices from a cursor, and counts per facet.

Built from constants and bound values. A list has at most COUNTED products counted; beyond that nobody pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalog.queries import CARD, TERMS, Sort

# More matches than this are "more than so many", and their facets go without counts.
COUNTED = 9_600
# Upper ends of the price ranges that are offered, in minor units; the last range is open.
PRICE_ENDS = (1000, 2500, 5000, 10000, 20000)

_ORDERS = {
    Sort.FEATURED: ("p.id", False),
    Sort.NEWEST: ("p.id", True),
    Sort.CHEAPEST: ("p.price_min", False),
    Sort.DEAREST: ("p.price_min", True),
    Sort.TITLE: ("p.title", False),
}
# What could be had lately comes before what could not, then the better match. One number, for a cursor.
_MATCH = "(ts_rank(p.search, t.query) + p.in_stock::integer)::float8"


@dataclass(frozen=True)
class Filters:
    """Which products: of a collection, of a search, or (both None) of all. Prices in minor units.

    `choices` by facet group, such as `vendor` or `option.colour`: any of a group's values, of every group.
    """

    collection: str | None = None
    terms: str | None = None
    price_from: int | None = None
    price_to: int | None = None
    in_stock: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class _Statement:
    """The parts that all statements over the same filters share."""

    def __init__(self, filters: Filters) -> None:
        self.args: list[Any] = []
        self.filters = filters
        self.conditions = ["p.published"]
        if filters.terms is not None:
            self.bind(filters.terms)
            self.head = TERMS + ", head AS (SELECT text AS title, '' AS text, mended FROM terms)"  # noqa: S608
            self.source = "terms t JOIN products p ON p.search @@ t.query"
        elif filters.collection is not None:
            self.bind(filters.collection)
            self.head = """head AS (
                SELECT id, title, description AS text, false AS mended FROM collections WHERE handle = $1
            )"""
            self.source = """head h JOIN collection_products m ON m.collection_id = h.id
                JOIN products p ON p.id = m.product_id"""
        else:
            self.head = "head AS (SELECT '' AS title, '' AS text, false AS mended)"
            self.source = "products p"
        if filters.terms is not None and filters.collection is not None:
            self.conditions.append(f"""EXISTS (
                SELECT FROM collections c JOIN collection_products m ON m.collection_id = c.id
                WHERE c.handle = {self.bind(filters.collection)} AND m.product_id = p.id)""")
        if filters.price_from is not None:
            self.conditions.append(f"p.price_max >= {self.bind(filters.price_from)}")
        if filters.price_to is not None:
            self.conditions.append(f"p.price_min <= {self.bind(filters.price_to)}")
        if filters.in_stock:
            self.conditions.append("p.in_stock")

    def bind(self, value: Any) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def chosen(self) -> dict[str, str]:
        """Per group of the choices, the condition that one of its values is the product's."""
        return {
            group: f"p.facets && {self.bind([f'{group}={value}' for value in values])}::text[]"
            for group, values in self.filters.choices.items()
        }

    def order(self, sort: Sort | None) -> tuple[str, bool]:
        """The expression to sort by, and whether the greatest comes first; the id decides among equals."""
        if sort is None and self.filters.terms is not None:
            return _MATCH, True
        return _ORDERS[sort or Sort.FEATURED]


def page(filters: Filters, sort: Sort | None, limit: int, offset: int) -> tuple[str, list[Any]]:
    """One page. Rows start with `head_title`, `head_text`, `mended` and `total`.

    At least one row comes back unless the collection does not exist.
    """
    made = _Statement(filters)
    where = " AND ".join([*made.conditions, *made.chosen().values()])
    key, descending = made.order(sort)
    way = " DESC" if descending else ""
    ids = way if key == "p.id" else ""
    matches = f"SELECT p.id, {key} AS key FROM {made.source} WHERE {where}"  # noqa: S608
    paged = f"LIMIT {made.bind(limit)} OFFSET {made.bind(offset)}"
    if filters.terms is None:
        # An index may give the page without reading the rest.
        parts = f"""counted AS (
    SELECT count(*) AS total FROM (SELECT FROM {made.source} WHERE {where} LIMIT {COUNTED + 1}) found
), page AS MATERIALIZED ({matches} ORDER BY {key}{way}, p.id{ids} {paged})"""  # noqa: S608
    else:
        # All matches are read for the best of them: once is enough.
        parts = f"""found AS MATERIALIZED ({matches}), counted AS (
    SELECT least(count(*), {COUNTED + 1}) AS total FROM found
), page AS MATERIALIZED (SELECT id, key FROM found ORDER BY key{way}, id{ids} {paged})"""  # noqa: S608
    sql = f"""
WITH {made.head}, {parts}
SELECT head.title AS head_title, head.text AS head_text, head.mended, counted.total, {CARD}
FROM head CROSS JOIN counted LEFT JOIN (page JOIN products p ON p.id = page.id) ON true
ORDER BY page.key{way}, page.id{ids}
"""  # noqa: S608  # every value is bound; the parts are the constants above
    return sql, made.args


def slice_from(
    filters: Filters, sort: Sort | None, limit: int, after: tuple[Any, int] | None
) -> tuple[str, list[Any]]:
    """Some products from after the (key, id) of the last one seen; rows end with `key`."""
    made = _Statement(filters)
    conditions = [*made.conditions, *made.chosen().values()]
    key, descending = made.order(sort)
    way, sign = (" DESC", "<") if descending else ("", ">")
    if key == "p.id":
        if after is not None:
            conditions.append(f"p.id {sign} {made.bind(after[1])}")
        ids = way
    else:
        if after is not None:
            value, last = made.bind(after[0]), made.bind(after[1])
            conditions.append(f"({key} {sign} {value} OR ({key} = {value} AND p.id > {last}))")
        ids = ""
    sql = f"""
WITH {made.head}, found AS MATERIALIZED (
    SELECT p.id, {key} AS key FROM {made.source} WHERE {" AND ".join(conditions)}
    ORDER BY {key}{way}, p.id{ids} LIMIT {made.bind(limit)}
)
SELECT {CARD}, found.key FROM found JOIN products p ON p.id = found.id ORDER BY found.key{way}, found.id{ids}
"""  # noqa: S608
    return sql, made.args


def facets(filters: Filters) -> tuple[str, list[Any]]:
    """Counts per facet, as `facet`, `products` and `matched`; a group's own choices do not lower its counts.

    Besides the products' own facets there are `stock=1` and `price=<number of the range>`.
    """
    made = _Statement(filters)
    chosen = made.chosen()
    flags = "".join(f", {condition} AS fits{n}" for n, condition in enumerate(chosen.values()))
    counts = [
        f"(fits{n} OR split_part(f.facet, '=', 1) = {made.bind(group)})" for n, group in enumerate(chosen)
    ]
    range_of = f"width_bucket(p.price_min, {made.bind(list(PRICE_ENDS))}::bigint[])"
    sql = f"""
WITH {made.head}, matched AS MATERIALIZED (
    SELECT p.facets || ('price=' || {range_of})
        || CASE WHEN p.in_stock THEN '{{stock=1}}'::text[] END AS every{flags}
    FROM {made.source} WHERE {" AND ".join(made.conditions)} LIMIT {COUNTED + 1}
)
SELECT f.facet, count(*)::integer AS products, (SELECT count(*) FROM matched) AS matched
FROM matched CROSS JOIN unnest(matched.every) f(facet)
WHERE {" AND ".join(counts) or "true"}
GROUP BY f.facet ORDER BY products DESC, f.facet
"""  # noqa: S608
    return sql, made.args
