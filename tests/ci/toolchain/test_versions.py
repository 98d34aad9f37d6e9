"""Versions, as tools really print them."""

import pytest

from ci.toolchain.versions import is_at_least, parse_version


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.26 linux/amd64", (1, 26, 0)),
        ("uv 0.13.9 (0e1b2c3 2026-11-01)", (0, 13, 9)),
        ("v3.259.0\n", (3, 259, 0)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("3.260.0-alpha.x1b2c", (3, 260, 0)),
    ],
)
def test_the_version_is_found_in_what_a_tool_prints(printed: str, version: tuple[int, int, int]) -> None:
    assert parse_version(printed) == version


def test_numbers_are_compared_as_numbers() -> None:
    assert is_at_least("v3.259.0", "3.30.0")
    assert not is_at_least("v3.30.0", "3.259.0")
    assert is_at_least("v3.230.0", "3.230.0")


@pytest.mark.parametrize("printed", ["", "command not found", "dev"])
def test_a_tool_that_prints_no_version_is_never_new_enough(printed: str) -> None:
    assert not is_at_least(printed, "0.0.0")
