"""Replicas: measured in turn, told together, and the stack put back whatever happens."""

from pathlib import Path

import msgspec
import pytest
import yaml

from ci import environments
from loadtests.capacity import Measurement as Measured
from loadtests.profiles import Replicas, read_profile
from loadtests.recording import Confirmed, Recording
from loadtests.replicas import Measurement, Study, announce, changed_stack, find_voids, list_sizes
from loadtests.report import Report, render_html
from loadtests.scalability import throughput
from loadtests.studies import report_replicas
from tests.loadtests.test_report import record, report_on

PLAN = Replicas(sizes=(1, 2, 3, 4, 6))
SETTINGS = "# by hand\nconfig:\n  storestack:target: local\n  store:web: 3 # one may die\n"


def measure(*, law: tuple[float, float, float] = (40, 0.05, 0.01), processor: float = 0.3) -> Study:
    measurements = []
    for number, size in enumerate(list_sizes(PLAN)):
        requests = throughput(size, *law) * (1 + 0.01 * (number % 3 - 1))
        measurements.append(
            Measurement(
                size=size,
                requests=requests,
                orders=requests / 5,
                failed=0,
                processor=processor,
                core_seconds={"web": 2.0, "worker": 0.5, "database": 1.0},
            )
        )
    return Study(
        measurements=measurements, recording=Recording(), confirmed=[Confirmed("1", 1, "a@b.example")] * 600
    )


def tell(study: Study, monkeypatch: pytest.MonkeyPatch, forecast: float | None = None) -> Report:
    class Store:
        worker_cpus = 0.5

    class Settings:
        store = Store()

    monkeypatch.setattr(environments, "read", lambda _stack: Settings())
    return report_replicas(report_on(record(0.05)), study, PLAN, forecast)


def test_sizes_are_measured_forth_and_back_as_often_as_asked() -> None:
    assert list_sizes(PLAN) == [1, 2, 3, 4, 6, 6, 4, 3, 2, 1, 1, 2, 3, 4, 6]
    assert "15 times" in announce(PLAN, 30)
    assert "about" in announce(PLAN, 30)


def test_the_report_tells_efficiency_law_and_plan_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    report = tell(measure(), monkeypatch, forecast=300)
    page = render_html(report)
    assert (
        page.index("capacity plan for 300")
        < page.index("Web containers of 0.2")
        < page.index("<h2>Objectives")
    )
    assert report.scale["law_over_replicas"]["rate"]["value"] == pytest.approx(40 * 60 / 5, rel=0.03)
    assert report.scale["plan"]["needs"][0]["role"] == "web"
    assert report.orders_per_minute == pytest.approx(throughput(6, 480, 0.05, 0.01), rel=0.05)
    assert msgspec.json.decode(msgspec.json.encode(report))["scale"]["measurement"]["core_seconds"] == {
        "database": pytest.approx(15 / 600),
        "web": pytest.approx(30 / 600),
        "worker": pytest.approx(7.5 / 600),
    }


def test_a_plan_can_be_made_again_from_the_reports_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from loadtests.capacity import read_measurement

    report = tell(measure(), monkeypatch)
    (tmp_path / "it.json").write_bytes(msgspec.json.encode(report))
    assert isinstance(read_measurement(tmp_path / "it.json"), Measured)


def test_a_store_that_takes_no_order_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no order came through" in tell(measure(law=(0, 0, 0)), monkeypatch).void


def test_a_busy_generator_makes_the_study_void() -> None:
    assert find_voids(measure()) == []
    assert "90%" in find_voids(measure(processor=0.9))[0]


def test_the_profile_is_as_the_promise_says() -> None:
    plan = read_profile("replicas").replicas
    assert plan is not None
    assert plan.sizes == (1, 2, 3, 4, 6)
    assert plan.repeats >= 3


def test_a_stack_is_changed_by_its_settings_and_put_back_as_it_was(tmp_path: Path) -> None:
    settings, seen = tmp_path / "Pulumi.it.yaml", []
    settings.write_text(SETTINGS)
    with changed_stack(
        settings, lambda: seen.append(yaml.safe_load(settings.read_text())["config"])
    ) as change:
        change({"store:web": "1"})
        change({"store:web": "1"})
        change({"store:web": "2"})
    assert [each["store:web"] for each in seen] == ["1", "2", 3], "no update without a change"
    assert all(each["storestack:target"] == "local" for each in seen)
    assert settings.read_text() == SETTINGS


def test_a_study_that_breaks_off_puts_the_stack_back_too(tmp_path: Path) -> None:
    settings, ups = tmp_path / "Pulumi.it.yaml", []
    settings.write_text(SETTINGS)

    def up() -> None:
        ups.append(settings.read_text())
        if len(ups) == 2:
            raise RuntimeError("a container did not start")

    def measure_two() -> None:
        with changed_stack(settings, up) as change:
            change({"store:web": "1"})
            change({"store:web": "6"})

    with pytest.raises(RuntimeError, match="did not start"):
        measure_two()
    assert ups[-1] == settings.read_text() == SETTINGS
    assert len(ups) == 3


def test_a_study_that_never_changed_the_stack_leaves_it_alone(tmp_path: Path) -> None:
    settings, ups = tmp_path / "Pulumi.it.yaml", []
    settings.write_text(SETTINGS)
    with changed_stack(settings, lambda: ups.append(1)):
        pass
    assert ups == []
