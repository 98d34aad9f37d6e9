"""Other engines and other ways to run the store, made for real as far as the emulator has them.

It has no Keyspaces, gives a memcached cluster no endpoint, and answers for DocumentDB's instances in a form
that the provider cannot read; the provider for tests knows no `deploymentConfiguration`. Those are checked
under mocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.emulated.conftest import Environment

pytestmark = pytest.mark.slow
TABLES = json.dumps([{"name": "carts", "partition_key": "id", "expires": "until"}])


@pytest.mark.parametrize(
    ("name", "more", "engines"),
    [
        (
            "functions",
            {"store__compute": "lambda", "cache__engine": "valkey", "key_value__tables": TABLES},
            {
                "aws:lambda/function:Function": 1,
                "aws:elasticache/replicationGroup:ReplicationGroup": 1,
                "aws:dynamodb/table:Table": 1,
                "aws:ecs/service:Service": 1,
            },
        ),
        (
            "foreign",
            {"store__bundled": "false", "database__engine": "mysql"},
            {
                "aws:rds/instance:Instance": 1,
                "aws:elasticache/replicationGroup:ReplicationGroup": 1,
                "aws:ecs/service:Service": 2,
            },
        ),
    ],
)
def test_an_environment_of_other_parts_is_made_and_gone(
    make_environment: Callable[..., Environment], name: str, more: dict[str, str], engines: dict[str, int]
) -> None:
    made = make_environment(name, **more)
    try:
        made.stack.up(color="never")
        types = made.types()
        assert {kind: types.count(kind) for kind in engines} == engines
    finally:
        made.stack.destroy(color="never")
    assert made.types() == []
