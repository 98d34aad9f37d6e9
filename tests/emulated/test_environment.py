"""An environment's life: made, unchanged when run again, refreshed, changed in one place, gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.emulated.conftest import Environment
from tests.emulated.scaling import Scaling

# The whole life, longer than CI waits: `pytest -m slow tests/emulated`.
pytestmark = pytest.mark.slow

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
SALE = {
    "name": "black-friday",
    "starts": SOON.isoformat(),
    "ends": (SOON + timedelta(days=1)).isoformat(),
    "minimum_web": 3,
    "minimum_workers": 2,
}
JOB = {"name": "reconcile", "command": ["python", "-m", "app", "reconcile"], "schedule": "rate(1 day)"}


@pytest.fixture(scope="module")
def environment(make_environment: Callable[..., Environment]) -> Iterator[Environment]:
    """Staging with everything by setting that the emulator has.

    It has no Keyspaces, answers for DocumentDB's instances in a form that the provider cannot read, and never
    ends the deletion of a read replica.
    """
    made = make_environment(
        "staging",
        store__sales=json.dumps([SALE]),
        store__jobs=json.dumps([JOB]),
        database__proxy="true",
        key_value__tables=json.dumps([{"name": "carts", "partition_key": "id", "expires": "until"}]),
        delivery__repository="acme/shop",
        monitoring__trail="make",
        firewall__back_office_allow="203.0.113.0/24",
    )
    yield made
    made.stack.destroy(color="never")


def test_up_makes_the_environment(environment: Environment, scaling: tuple[Scaling, str]) -> None:
    result = environment.stack.up(color="never")
    assert result.summary.result == "succeeded"
    assert result.outputs["url"].value == "https://shop.example.com"
    types = environment.types()
    assert types.count("aws:ecs/service:Service") == 2
    assert types.count("aws:cloudfront/distribution:Distribution") == 2
    assert "aws:dynamodb/table:Table" in types
    schedules = {item["Schedule"] for item in scaling[0].kept["ScheduledAction"].values()}
    assert f"at({SOON - timedelta(minutes=15):%Y-%m-%dT%H:%M:%S})" in schedules


def test_nothing_changes_when_nothing_changed(environment: Environment) -> None:
    assert [step for step in environment.steps("preview") if not step.explained] == []


def test_a_refresh_finds_what_was_made(environment: Environment) -> None:
    before = sorted(environment.types())
    environment.stack.refresh(color="never")
    assert sorted(environment.types()) == before


def test_a_new_image_and_drain_roll_the_tasks_and_touch_no_data(environment: Environment) -> None:
    environment.config["store:image"] = environment.config["store:image"].replace("ab" * 32, "cd" * 32)
    environment.config["balancer:drain"] = "45"
    steps = environment.steps("up")
    assert [step.op for step in steps if step.name == "balancer-blue"] == ["update"]
    # Task definitions are never edited: each gets a new revision, and its service points to that.
    lost = {step.name for step in steps if "replace" in step.op or "delete" in step.op}
    assert lost == {"store-web-task", "store-worker-task", "store-release-task", "network-flow"}
    assert environment.stack.outputs()["version"].value == "cd" * 6


def test_destroy_leaves_nothing(environment: Environment) -> None:
    environment.stack.destroy(color="never")
    assert environment.types() == []
