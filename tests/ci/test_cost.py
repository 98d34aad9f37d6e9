"""The monthly cost is a sum of known prices, and what is unknown is said to be."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci.cost import FREE, CostError, estimate, load_prices, per_thousand_orders, report

PRICES = load_prices()


def step(kind: str, role: str = "Database", **inputs: Any) -> dict[str, Any]:
    name = inputs.get("name", "x")
    parent = f"urn:pulumi:p::storestack::storestack:aws:Environment$storestack:aws:{role}::{role.lower()}"
    urn = f"urn:pulumi:p::storestack::{kind}::{name}"
    return {"op": "create", "newState": {"type": kind, "urn": urn, "parent": parent, "inputs": inputs}}


def preview(*steps: dict[str, Any], region: str = "us-east-1") -> dict[str, Any]:
    return {"steps": [step("pulumi:providers:aws", region=region), *steps]}


def test_a_multi_az_database_costs_twice() -> None:
    one = step("aws:rds/instance:Instance", instanceClass="db.m7g.large", allocatedStorage=100, multiAz=False)
    two = step("aws:rds/instance:Instance", instanceClass="db.m7g.large", allocatedStorage=100, multiAz=True)
    cost = [sum(line.monthly or 0 for line in estimate(preview(item), PRICES)) for item in (one, two)]
    assert cost[0] == pytest.approx(0.168 * 730 + 100 * 0.115)
    assert cost[1] == pytest.approx(2 * cost[0])


def test_tasks_cost_their_size_times_their_number() -> None:
    task = step(
        "aws:ecs/taskDefinition:TaskDefinition",
        family="web",
        cpu="1024",
        memory="2048",
        runtimePlatform={"cpuArchitecture": "X86_64"},
    )
    service = step("aws:ecs/service:Service", "Store", name="web", desiredCount=2)
    lines = estimate(preview(task, service), PRICES)
    assert {line.role for line in lines} == {"store"}
    assert sum(line.monthly or 0 for line in lines) == pytest.approx(2 * 730 * (0.04048 + 2 * 0.004445))


def test_what_has_no_price_is_unknown_and_never_zero() -> None:
    (line,) = estimate(preview(step("aws:rds/instance:Instance", instanceClass="db.x9.huge")), PRICES)
    assert line.monthly is None
    assert "db.x9.huge is not in the price table" in report([line], None)


def test_another_region_has_no_prices() -> None:
    nat = step("aws:ec2/natGateway:NatGateway", "Network")
    (line,) = estimate(preview(nat, region="eu-central-1"), PRICES)
    assert line.monthly is None
    assert "no price for eu-central-1" in line.what


def test_a_resource_that_nobody_thought_of_is_unknown() -> None:
    (line,) = estimate(preview(step("aws:braket/machine:Machine")), PRICES)
    assert line.monthly is None


def test_what_is_free_is_left_out() -> None:
    assert estimate(preview(*(step(kind) for kind in FREE if "TaskDefinition" not in kind)), PRICES) == []


def test_cost_per_thousand_orders_at_the_measured_rate() -> None:
    assert per_thousand_orders(730 * 60, 1) == pytest.approx(1000)
    with pytest.raises(CostError, match="must be above 0"):
        per_thousand_orders(100, 0)


def test_every_price_names_its_unit_source_and_date(tmp_path: Path) -> None:
    dates = [
        entry["date"] for group in PRICES.values() if isinstance(group, dict) for entry in group.values()
    ]
    assert dates
    assert all(isinstance(date, datetime.date) for date in dates)
    wrong = tmp_path / "prices.toml"
    wrong.write_text('[cache]\n"x" = { price = 1, per = "hour" }\n')
    with pytest.raises(CostError, match=r"cache\.x must have price, per, source and date"):
        load_prices(wrong)


def test_the_command_prints_the_page_and_refuses_what_is_no_preview(tmp_path: Path) -> None:
    def run(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ci.cost", *more], input=text, capture_output=True, text=True, check=False
        )

    capacity = tmp_path / "capacity.json"
    capacity.write_text('{"orders_per_minute": 120}')
    done = run(
        json.dumps(preview(step("aws:ec2/natGateway:NatGateway", "Network"))), "--capacity", str(capacity)
    )
    assert done.returncode == 0, done.stderr
    assert "network              32.85" in done.stdout
    assert "per 1,000 orders at 120 a minute" in done.stdout
    assert "Assumptions:" in done.stdout
    assert run("{}").returncode == 1
    assert "pulumi preview --json" in run("{}").stderr


def test_a_preview_that_failed_leaves_the_last_word_to_its_own_error() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "ci.cost"], input="", text=True, capture_output=True, check=False
    )
    assert outcome.returncode == 1
    assert not outcome.stdout + outcome.stderr
