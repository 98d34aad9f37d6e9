"""How long `python -m app import` takes for a product CSV, and the most memory it holds, on a database of its
own.

Goal: 100,000 products in under 2 minutes, in memory that does not grow with the file. A tenth of the file is
loaded first, and the whole again at the end, which must change nothing.

    python -m loadtests.bench.import_time [PRODUCTS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from loadtests.bench.catalogues import empty_store, load, write_catalogue

PRODUCTS = 100_000
GOAL_SECONDS = 120


def main(products: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, tenth = Path(folder) / "whole.csv", Path(folder) / "tenth.csv"
        write_catalogue(whole, products)
        write_catalogue(tenth, products // 10)
        print(f"{products:,} products, {whole.stat().st_size / 1e6:.0f} MB of CSV", flush=True)
        with empty_store() as small:
            _tell("a tenth", *load(small, tenth))
        with empty_store() as store:
            seconds = _tell("the whole", *load(store, whole))
            _tell("the whole again", *load(store, whole))
    print(f"{products:,} products in {seconds:.0f} s (goal ≤ {GOAL_SECONDS} s for {PRODUCTS:,})")


def _tell(name: str, seconds: float, memory: int, said: str) -> float:
    print(f"{name}: {seconds:.1f} s, at most {memory / 1e6:.0f} MB; {said.partition(': ')[2]}", flush=True)
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PRODUCTS)
