"""The verdict of a run and its report: what was measured decides, and nothing else."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from loadtests.charts import draw_lines
from loadtests.objectives import find_voids, judge, read_objectives
from loadtests.profiles import list_profiles, read_profile
from loadtests.recording import Recording, read_percentile
from loadtests.report import Report, check_baseline, compare, make_report, render_html, show_load

OBJECTIVES = read_objectives("none")


def record(seconds: float, *, failed: int = 0, dropped: int = 0) -> Recording:
    """1,000 requests of one group, each as long, some of them failed, of as many arrivals."""
    recording = Recording()
    for number in range(1000):
        failure = "/product: 500 instead of 200" if number < failed else None
        recording.note_request("product", number / 100, seconds, failure)
        recording.note_arrival(number / 100, 0.001, number >= dropped)
    return recording


def report_on(recording: Recording, *, void: list[str] | None = None) -> Report:
    return make_report(
        recording,
        read_profile("smoke"),
        verdicts=judge(recording, OBJECTIVES),
        void=void or [],
        orders=10,
        processor=0.2,
        resources={"cores": {"web": [(1.0, 0.1), (2.0, 0.3)]}, "hits": {"Redis": []}},
        stack="local",
        version="1",
        began="2026-01-01T00:00:00+00:00",
    )


def not_held(recording: Recording) -> set[str]:
    return {verdict.objective for verdict in judge(recording, OBJECTIVES) if not verdict.held}


def test_a_quick_store_holds_every_objective() -> None:
    assert not_held(record(0.05)) == set()
    assert report_on(record(0.05)).held


def test_a_slow_store_does_not_hold_its_latencies() -> None:
    assert not_held(record(0.5)) == {"product p95"}
    assert not_held(record(1.0)) == {"product p95", "product p99"}


def test_errors_and_dropped_visits_fail_the_run() -> None:
    assert not_held(record(0.05, failed=2)) == {"error rate"}
    assert not_held(record(0.05, dropped=11)) == {"achieved arrival rate"}
    assert not report_on(record(0.05, failed=2)).held


def test_a_run_without_requests_holds_nothing() -> None:
    assert not_held(Recording()) == {"error rate", "achieved arrival rate"}


def test_a_generator_that_is_busy_or_late_makes_the_run_void() -> None:
    late = Recording()
    late.note_arrival(0, 0.5, True)
    assert "0.500 s late" in find_voids(late, 0.2)[0]
    assert "90%" in find_voids(record(0.05), 0.9)[0]
    assert find_voids(record(0.05), 0.2) == []
    assert not report_on(record(0.05), void=["too busy"]).held


def test_an_environment_overrides_single_objectives(tmp_path: Path) -> None:
    (tmp_path / "objectives.toml").write_bytes(Path("loadtests/objectives.toml").read_bytes())
    (tmp_path / "objectives.shop.toml").write_text("[latency]\nproduct = { p95 = 2.0 }\n")
    own = read_objectives("shop", tmp_path)
    assert own.latency["product"].p95 == 2.0
    assert own.latency["product"].p99 == OBJECTIVES.latency["product"].p99
    (tmp_path / "objectives.shop.toml").write_text("error_rat = 1\n")
    with pytest.raises(ValueError, match="error_rat"):
        read_objectives("shop", tmp_path)


def test_what_got_worse_than_the_baseline_is_named_and_noise_is_not() -> None:
    baseline = report_on(record(0.1))
    same = compare(report_on(record(0.11)), baseline)
    assert (same.regressions, same.held) == ([], True)
    worse = compare(report_on(record(0.2)), baseline)
    assert worse.regressions == [f"product {p}: 0.200 s, was 0.100 s (+100%)" for p in ("p95", "p99")]
    assert not worse.held, "though every objective held"
    failing = compare(report_on(record(0.1, failed=2)), baseline)
    assert failing.regressions == ["error rate: 0.20% (2 of 1,000), held before"]
    page = render_html(worse)
    assert page.index("Worse than the baseline") < page.index("<h2>Objectives")
    assert ">worse<" in page


def test_a_baseline_that_says_nothing_of_the_run_is_refused_before_it() -> None:
    baseline = report_on(record(0.1))
    check_baseline(baseline, read_profile("smoke"))
    with pytest.raises(ValueError, match="rate is 2"):
        check_baseline(baseline, read_profile("smoke", rate=9))
    with pytest.raises(ValueError, match="profile is 'smoke'"):
        check_baseline(baseline, read_profile("average"))
    with pytest.raises(ValueError, match="too busy"):
        check_baseline(report_on(record(0.1), void=["too busy"]), read_profile("smoke"))


def test_recordings_of_several_processes_add_up_without_loss() -> None:
    whole = Recording()
    for each in (record(0.1), record(0.3, failed=5, dropped=7)):
        whole.merge(msgspec.json.decode(msgspec.json.encode(each.drain())))
        assert each.planned == 0, "what was drained is not told twice"
    assert (whole.groups["product"].count, whole.groups["product"].failed) == (2000, 5)
    assert (whole.planned, whole.dropped) == (2000, 7)
    assert read_percentile(whole.groups["product"].latency, 25) == pytest.approx(0.1, rel=0.001)
    assert read_percentile(whole.groups["product"].latency, 75) == pytest.approx(0.3, rel=0.001)


def test_the_report_says_the_verdict_first_and_is_one_file_without_scripts() -> None:
    page = render_html(report_on(record(0.5, failed=3)))
    assert page.index("objectives did not hold") < page.index("<table>")
    assert "/product: 500 instead of 200" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_hours_are_recorded_in_slices_that_a_chart_can_show() -> None:
    profile = read_profile("soak")
    recording = Recording(profile.slice_seconds)
    for second in range(0, int(profile.seconds), 2):
        recording.note_request("product", second, 0.01, None)
    report = make_report(
        recording,
        profile,
        verdicts=[],
        void=[],
        orders=0,
        processor=0.2,
        resources={},
        stack="local",
        version="1",
        began="2026-01-01T00:00:00+00:00",
    )
    assert len(report.moments) == 1800
    assert report.moments[-1].second == profile.seconds - profile.slice_seconds
    (rates,) = {rate for _, rate in show_load(report).charts[1].lines["requests"]}
    assert rates == 0.5, "per second, however long a slice"


def test_a_run_that_ended_before_its_first_request_is_reported_too() -> None:
    page = render_html(report_on(Recording(), void=["interrupted: 0 of 30 s were measured"]))
    assert "interrupted: 0 of 30 s" in page


def test_the_report_reads_the_same_from_its_json() -> None:
    report = report_on(record(0.2))
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_chart_is_well_formed_and_holds_names_as_text() -> None:
    chart = draw_lines(
        "a < b", {"x & y": [(0, 0.1), (10, 3.0)]}, across="s", up="s", bands=[(5, 7, "<fault>")]
    )
    assert ElementTree.fromstring(chart).attrib["aria-label"] == "a < b"
    assert draw_lines("nothing", {}, across="s", up="s") == ""


def test_a_legend_of_many_names_stays_inside_its_chart() -> None:
    names = [f"container of role {number}" for number in range(12)]
    chart = ElementTree.fromstring(
        draw_lines("roles", {name: [(0.0, 1.0), (1.0, 2.0)] for name in names}, across="s", up="cores")
    )
    _, _, width, height = map(float, chart.attrib["viewBox"].split())
    texts = {text.text: text.attrib for text in chart.iter("text")}
    for name in names:
        assert float(texts[name]["x"]) + 6 * len(name) <= width
        assert float(texts[name]["y"]) <= height
    looks = {(line.attrib["stroke"], line.attrib["stroke-dasharray"]) for line in chart.iter("polyline")}
    assert len(looks) == len(names), "each can be told from the others"


def test_every_profile_can_be_read_and_brings_visits() -> None:
    for name in list_profiles():
        profile = read_profile(name)
        assert profile.curve.expected > 10, name
        assert profile.curve.seconds == profile.seconds


def test_a_wrong_profile_or_rate_is_refused_with_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"'smok'.*smoke, average"):
        read_profile("smok")
    with pytest.raises(ValueError, match="rate -1"):
        read_profile("smoke", rate=-1)
