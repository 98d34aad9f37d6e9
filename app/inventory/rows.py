"""Rows as the arrays that statements unnest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """One list per column; `width` says how many there are even when there is no row."""
    return [[row[n] for row in rows] for n in range(width)]
