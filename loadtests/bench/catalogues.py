"""A large catalogue for measurements: a product CSV of any size, and a throwaway database to load it into.

The words follow a shop's: few are on every tenth product, most on a handful. The same count gives the same
file.
"""

from __future__ import annotations

import csv
import os
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app import release
from app.core.settings import read_settings
from tests.app.processes import throwaway_container

COLUMNS = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value",
    "Option2 Name", "Option2 Value", "Variant SKU", "Variant Grams", "Variant Inventory Qty", "Variant Price",
    "Variant Compare At Price", "Image Src", "Image Position", "Image Alt Text", "Status", "Collection",
)  # fmt: skip

KINDS = (
    "Keyboard", "Mug", "T-Shirt", "Blanket", "Lamp", "Notebook", "Kettle", "Backpack", "Cushion", "Scarf",
    "Chair", "Vase", "Bottle", "Jacket", "Teapot", "Basket", "Candle", "Poster", "Socks", "Bowl",
)  # fmt: skip
COLOURS = ("Red", "Blue", "Green", "Slate", "Ochre", "Black", "White", "Rose", "Teal", "Sand")
SIZES = ("XS", "S", "M", "L", "XL")
MATERIALS = ("Wool", "Cotton", "Oak", "Steel", "Linen", "Glass", "Leather", "Bamboo", "Stoneware", "Copper")
SYLLABLES = (
    "bra",
    "ven",
    "to",
    "mi",
    "kal",
    "or",
    "lu",
    "sen",
    "ti",
    "rox",
    "da",
    "quel",
    "fi",
    "han",
    "zu",
    "pe",
)

# PostgreSQL as it comes, on a file system in memory: what is measured is the store's work and the database's.
DATABASE = (
    "initdb -D /srv/bench/data -U postgres -A trust >/dev/null && exec postgres -D /srv/bench/data"
    " -c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c shared_buffers=256MB"
    " -c max_wal_size=2GB"
)


@dataclass(frozen=True)
class Store:
    """A released, empty database: its address for the store's role, and the environment of commands on it."""

    url: str
    environ: dict[str, str]


@contextmanager
def empty_store() -> Iterator[Store]:
    """Start a database, bring the schema in, and throw it all away after."""
    with (
        tempfile.TemporaryDirectory() as folder,
        throwaway_container("database", DATABASE, tmpfs="/srv/bench") as port,
    ):
        admin = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _wait(admin)
        with psycopg.connect(admin, autocommit=True) as connection:
            for statement in (
                "CREATE ROLE migrator LOGIN",
                "CREATE ROLE store LOGIN",
                "CREATE DATABASE shop OWNER migrator",
            ):
                connection.execute(statement.encode())
        url = f"postgresql://store@127.0.0.1:{port}/shop"
        key = Path(folder) / "session"
        key.write_text(secrets.token_hex(24))
        environ = {"DATABASE_DIRECT_URL": url, "SESSION_KEY_FILE": str(key), "MEDIA_ROOT": folder}
        release.run(
            read_settings(
                {**environ, "DATABASE_DIRECT_URL": url.replace("store@", "migrator@")}, release=True
            )
        )
        yield Store(url, environ)


def write_catalogue(path: Path, products: int) -> int:
    """Write so many products, three variants and two pictures each; returns the number of variants."""
    chance = random.Random(products)  # noqa: S311
    names = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(max(20, products // 20))]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, restval="")
        writer.writeheader()
        for number in range(products):
            writer.writerows(_rows(chance, number, names))
    return products * 3


def _rows(chance: random.Random, number: int, names: list[str]) -> list[dict[str, object]]:
    kind, colour = chance.choice(KINDS), chance.choice(COLOURS)
    material, name = chance.choice(MATERIALS), chance.choice(names)
    title = f"{name.title()} {material} {kind}"
    handle = f"{title.lower().replace(' ', '-')}-{number}"
    price = chance.randrange(500, 20000, 5)
    rows: list[dict[str, object]] = [
        {
            "Handle": handle,
            "Option1 Value": colour,
            "Option2 Value": size,
            "Variant SKU": f"B-{number:06d}-{size}",
            "Variant Grams": chance.randrange(50, 4000),
            "Variant Inventory Qty": chance.choice((0, 3, 40, 120)),
            "Variant Price": f"{price / 100 + place:.2f}",
        }
        for place, size in enumerate(chance.sample(SIZES, 3))
    ]
    described = " ".join(chance.choices(names, k=12))
    rows[0] |= {
        "Title": title,
        "Body (HTML)": f"<p>A {kind} of {material.lower()} in {colour.lower()}. {described}.</p>",
        "Vendor": f"{chance.choice(names[:200]).title()} & Co",
        "Type": kind,
        "Tags": f"{material.lower()}, {colour.lower()}",
        "Published": "TRUE",
        "Option1 Name": "Colour",
        "Option2 Name": "Size",
        "Image Src": f"products/{handle}.svg",
        "Image Position": 1,
        "Image Alt Text": title,
        "Status": "active",
        "Collection": f"{kind} {material}",
    }
    rows[1] |= {"Image Src": f"products/{handle}-2.svg", "Image Position": 2}
    return rows


def load(store: Store, file: Path) -> tuple[float, int, str]:
    """Run `python -m app import`; returns its seconds, its peak memory in bytes, and what it said."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "app", "import", str(file)],
        env={**os.environ, **store.environ},
        text=True,
        capture_output=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"the import ended with {done.returncode}: {done.stderr[-2000:]}")
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, done.stdout.strip()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
