"""How long the database takes to search a large catalogue, over the kinds of search that shoppers make.

Each search runs as the store runs it: one statement for the page, one for the counts of its facets. Goal: p95
under 50 ms for a page at 100,000 products. The catalogue is made up and loaded into a throwaway database
first.

    python -m loadtests.bench.search_time [PRODUCTS] [--plans]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from app.catalog import search_queries
from app.catalog.queries import Sort
from app.catalog.search_queries import Filters
from loadtests.bench.catalogues import COLOURS, KINDS, MATERIALS, SIZES, empty_store, load, write_catalogue

PRODUCTS = 100_000
ROUNDS = 60
GOAL_MS = 50.0
Statement = tuple[str, list[Any]]


def typo(chance: random.Random, word: str) -> str:
    """The word with two letters swapped, one lost, or one doubled."""
    at = chance.randrange(1, len(word) - 1)
    return chance.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at:] * 1,
        )
    )


def searches(chance: random.Random, rare: list[str]) -> dict[str, Statement]:
    """One search of each kind."""
    kind, material = chance.choice(KINDS).lower(), chance.choice(MATERIALS).lower()
    size, colour = chance.choice(SIZES), chance.choice(COLOURS)
    both = Filters(terms=f"{material} {kind}")
    chosen = Filters(
        terms=kind, choices={"option.size": (size,), "option.colour": (colour, "Red")}, in_stock=True
    )
    return {
        "common word": search_queries.page(Filters(terms=material), None, 24, 0),
        "two words": search_queries.page(both, None, 24, 0),
        "rare word": search_queries.page(Filters(terms=chance.choice(rare)), None, 24, 0),
        "typing mistake": search_queries.page(Filters(terms=typo(chance, chance.choice(rare))), None, 24, 0),
        "nothing like it": search_queries.page(Filters(terms="xqzwvk jjkqx"), None, 24, 0),
        "with facets": search_queries.page(chosen, None, 24, 0),
        "by price": search_queries.page(Filters(terms=kind), Sort.CHEAPEST, 24, 0),
        "a deep page": search_queries.page(Filters(terms=kind), None, 24, 24 * 60),
        "from a cursor": search_queries.slice_from(Filters(terms=kind), None, 25, (1.05, 40_000)),
        "all, by price": search_queries.page(Filters(price_from=5000), Sort.CHEAPEST, 24, 24 * 20),
        "counts of two words": search_queries.facets(both),
        "counts with facets": search_queries.facets(chosen),
        "counts of a common word": search_queries.facets(Filters(terms=material)),
    }


async def measure(url: str, plans: bool) -> dict[str, list[float]]:
    """Milliseconds of every search by kind, its connection warm."""
    connection = await asyncpg.connect(url)
    chance = random.Random(7)  # noqa: S311
    rows = await connection.fetch(
        "SELECT word FROM search_words WHERE uses < 1000 AND length(word) > 5 LIMIT 500"
    )
    rare = [row["word"] for row in rows]
    times: dict[str, list[float]] = {}
    for number in range(ROUNDS + 5):
        for name, (sql, args) in searches(chance, rare).items():
            began = time.perf_counter()
            await connection.fetch(sql, *args)
            if number >= 5:
                times.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    if plans:
        for name, (sql, args) in searches(chance, rare).items():
            lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *args)
            print(f"\n== {name}", *(line[0] for line in lines), sep="\n")
    await connection.close()
    return times


def tell(times: dict[str, list[float]]) -> None:
    for name, taken in times.items():
        quantiles = statistics.quantiles(taken, n=20)
        print(f"{name:24} p50 {quantiles[9]:6.1f} ms  p95 {quantiles[18]:6.1f} ms")
    pages = [one for name, taken in times.items() if not name.startswith("counts") for one in taken]
    quantiles = statistics.quantiles(pages, n=20)
    print(f"all pages: p50 {quantiles[9]:.1f} ms, p95 {quantiles[18]:.1f} ms (goal ≤ {GOAL_MS:.0f} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("products", type=int, nargs="?", default=PRODUCTS)
    parser.add_argument("--plans", action="store_true", help="print the plan of one search of each kind")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, empty_store() as store:
        file = Path(folder) / "catalogue.csv"
        write_catalogue(file, given.products)
        load(store, file)
        print(f"{given.products:,} products", flush=True)
        tell(asyncio.run(measure(store.url, given.plans)))


if __name__ == "__main__":
    main()
