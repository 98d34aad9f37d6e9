"""Writes the product CSVs that tests import."""

from __future__ import annotations

import csv
import io
import secrets
from pathlib import Path
from typing import Any

from app.catalog.exporter import COLUMNS


def unique(name: str) -> str:
    """A handle that no other test uses: they share a database."""
    return f"{name}-{secrets.token_hex(4)}"


def product(handle: str, **cells: Any) -> dict[str, Any]:
    """The first row of a product; `cells` as keyword arguments, such as `variant_price="9.50"`."""
    named = {
        "title": handle.replace("-", " ").title(),
        "option1_name": "Title",
        "option1_value": "Default Title",
        "variant_price": "10.00",
        "variant_inventory_qty": "5",
    }
    return row(handle, **{**named, **cells})


def row(handle: str, **cells: Any) -> dict[str, Any]:
    """A row with these cells, the others empty."""
    by_argument = {name.lower().replace(" ", "_").replace("_(html)", ""): name for name in COLUMNS}
    return {"Handle": handle, **{by_argument[argument]: value for argument, value in cells.items()}}


def sheet(*rows: dict[str, Any]) -> str:
    """The rows as CSV with its header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def save(folder: Path, *rows: dict[str, Any]) -> Path:
    """The rows as a file in `folder`."""
    path = folder / f"{secrets.token_hex(4)}.csv"
    path.write_text(sheet(*rows), encoding="utf-8")
    return path
