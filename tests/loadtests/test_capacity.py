"""The capacity plan: enough for the forecast with headroom, never beyond what the measurement carries."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ci.cost import load_prices
from loadtests.capacity import HEADROOM, Measurement, describe_plan, make_plan, read_measurement, summarize
from loadtests.scalability import throughput
from tests.loadtests.test_scalability import measure

PRICES = load_prices()


def measured(*, sizes: tuple[float, ...] = (1, 2, 3, 4, 6), noise: float = 0.01) -> Measurement:
    return Measurement(
        web_cpus=0.25,
        worker_cpus=0.5,
        points=measure(60, 0.03, 0.005, noise=noise, sizes=sizes),
        core_seconds={"web": 0.2, "worker": 0.05, "database": 0.06},
    )


@settings(deadline=None, max_examples=15)
@given(forecast=some.floats(1, 200))
def test_what_is_planned_holds_the_forecast_with_headroom(forecast: float) -> None:
    plan = make_plan(forecast, measured(), PRICES)
    if not plan.reason:
        web = plan.needs[0].count
        assert 2 <= web <= 12
        assert throughput(web, 60, 0.03, 0.005) * HEADROOM * 1.03 >= forecast


def test_the_plan_names_tasks_workers_database_cost_and_the_prices_date() -> None:
    plan = make_plan(100, measured(), PRICES)
    web, worker, database = plan.needs
    assert web.what.endswith("Fargate tasks of 0.25 vCPU and 0.5 GB (measured: 0.25 cores)")
    assert web.monthly == pytest.approx(web.count * 730 * (0.25 * 0.04048 + 0.5 * 0.004445))
    assert worker.count == 2
    assert "db.t4g.micro, Multi-AZ" in database.what
    assert plan.monthly == pytest.approx(sum(need.monthly or 0 for need in plan.needs))
    assert {need.priced for need in plan.needs} == {"2026-11-22"}
    assert "2026-11-22" in describe_plan(plan).rows[0]


def test_the_database_grows_with_the_orders() -> None:
    busy = msgspec.structs.replace(measured(), core_seconds={"database": 0.6})
    assert "db.m7g.large" in make_plan(100, busy, PRICES).needs[2].what
    beyond = msgspec.structs.replace(measured(), core_seconds={"database": 6.0})
    plan = make_plan(100, beyond, PRICES)
    assert plan.needs[2].monthly is None
    assert plan.monthly is None, "a sum without the database would be too low"


def test_nothing_is_planned_beyond_twice_what_was_measured() -> None:
    plan = make_plan(10_000, measured(), PRICES)
    assert "twice what was measured" in plan.reason
    assert plan.needs == []
    assert "There is none" in describe_plan(plan).text[0]


def test_without_an_identifiable_law_only_what_was_measured_is_planned() -> None:
    few = measured(sizes=(1, 2, 3))
    assert make_plan(75, few, PRICES).needs[0].count == 2
    assert "not identifiable" in make_plan(130, few, PRICES).reason


@pytest.mark.parametrize("forecast", [0, -1, float("nan"), float("inf")])
def test_a_forecast_that_is_none_is_refused(forecast: float) -> None:
    with pytest.raises(ValueError, match="forecast"):
        make_plan(forecast, measured(), PRICES)


def test_efficiency_is_against_one_container() -> None:
    assert summarize([(1, 10), (1, 12), (1, 11), (2, 20), (2, 18)]) == [
        (1, 11, 1.0),
        (2, 19, pytest.approx(19 / 22)),
    ]


def test_a_report_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "smoke.json").write_text('{"orders_per_minute": 3}')
    with pytest.raises(ValueError, match="PROFILE=replicas"):
        read_measurement(tmp_path / "smoke.json")
