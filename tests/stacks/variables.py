"""The environment variables that the store reads, from its source: what needs no library of the store's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SETTINGS = Path(__file__).parents[2] / "app/core/settings.py"
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def read_by_the_store() -> set[str]:
    """Return the names in app/core/settings.py, a secret's without `_FILE`."""
    return {
        node.value
        for node in ast.walk(ast.parse(SETTINGS.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value)
    }
