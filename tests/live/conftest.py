"""The live tests look at a running stack that `STORESTACK_STACK` names; `make test` makes it."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from loadtests.stack import Stack, find_stack

STACK = os.environ.get("STORESTACK_STACK", "test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    found = find_stack(STACK)
    yield found
    found.engine.close()


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client
