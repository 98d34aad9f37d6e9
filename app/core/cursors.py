"""Cursors of lists: where the last item stood, as text that means nothing to who carries it.

A list is read from behind the last item seen, not by counting, so that what is added
meanwhile shifts nothing.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from app.core.problems import Problem

Position = TypeVar("Position")


def write_cursor(position: Any) -> str:
    """The cursor behind an item with this position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[Position]) -> Position:
    """The position in the cursor. Raises a 400 that quotes a cursor no answer ever held."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=kind)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise bad_cursor(cursor) from error


def bad_cursor(cursor: str) -> Problem:
    """The 400 for a cursor that is not one of ours."""
    detail = f"cursor is {cursor[:40]!r}: it must be next_cursor of an answer"
    return Problem(400, "cursor-invalid", "The cursor is not valid", detail)
