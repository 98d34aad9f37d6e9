"""What every test of the stacks needs."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def whole_tracebacks() -> Iterator[None]:
    """A `Failure` cuts tracebacks short for the rest of its process, which is its own everywhere but here."""
    yield
    if hasattr(sys, "tracebacklimit"):
        del sys.tracebacklimit
