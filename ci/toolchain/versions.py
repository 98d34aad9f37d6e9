"""Compares the version numbers that tools print."""

import re

_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Returns the first version number in what a tool printed, None if there is none.

    A missing patch number counts as 0: `go version go1.26 linux/amd64` is (1, 26, 0).
    """
    match = _NUMBER.search(text)
    if not match:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch or 0)


def is_at_least(text: str, minimum: str) -> bool:
    """Says whether the version in `text` is `minimum` or newer; text without a version is not."""
    found, wanted = parse_version(text), parse_version(minimum)
    return found is not None and wanted is not None and found >= wanted
