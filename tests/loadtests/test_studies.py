"""Studies: what many runs found together becomes one report that tells it first."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtests.breakpoint import Search, Trial, find_breakpoint
from loadtests.objectives import Verdict
from loadtests.report import Report, render_html
from loadtests.scalability import fit
from loadtests.studies import describe_fit, judge_trial, report_breakpoint, tell_fit
from tests.loadtests.test_report import record, report_on
from tests.loadtests.test_scalability import measure

SEARCH = Search(lowest=1, highest=100, repeats=2)


def study_a_store_of(capacity: float, *, losing_from: float = 1e9) -> Report:
    reports: list[Report] = []

    def run_at(rate: float) -> Report:
        report = report_on(record(0.05 if rate <= capacity else 0.9))
        kept = Verdict("orders confirmed to shoppers", "stand once", "", held=rate < losing_from)
        return msgspec.structs.replace(
            report, rate=rate, verdicts=[*report.verdicts, kept], held=report.held and kept.held
        )

    def trial(rate: float) -> Trial:
        reports.append(run_at(rate))
        return judge_trial(reports[-1])

    return report_breakpoint(find_breakpoint(SEARCH, 10, trial), reports)


LAW = fit(measure(50, 0.1, 0.01, noise=0.005))


def test_the_report_of_a_breakpoint_tells_rate_spread_and_what_gave_way_before_all_else() -> None:
    report = study_a_store_of(30)
    assert report.held
    assert report.rate == pytest.approx(30, rel=0.06)
    found = report.scale["breakpoint"]
    assert found["rate"] == pytest.approx(30, rel=0.06)
    assert found["gave_way"] == ["product p95", "product p99"]
    page = render_html(report)
    assert page.index("The breakpoint") < page.index("<h2>Objectives")
    assert "a spread of" in page
    assert "gave way first: product p95" in page
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_store_that_loses_orders_beyond_its_limit_fails_the_study() -> None:
    report = study_a_store_of(30, losing_from=50)
    assert not report.held
    verdict = next(each for each in report.verdicts if each.objective.startswith("invariants"))
    assert "orders confirmed to shoppers at " in verdict.measured


def test_a_store_that_holds_no_rate_fails_the_study() -> None:
    report = study_a_store_of(0.1)
    assert not report.held
    assert "limit is lower" in render_html(report)


def test_a_fit_is_drawn_as_far_as_twice_what_was_measured() -> None:
    section = describe_fit(LAW, "web containers", "requests/s")
    assert max(size for size, _ in section.charts[0].lines["the law"]) == 12
    assert section.rows[0][0] == "λ"


@given(st.floats(0.01, 0.99), st.floats(1, 1e4))
@example(0.439, 496.316)
@settings(max_examples=50, deadline=None)
def test_a_fit_is_drawn_to_its_end_whatever_the_sizes(part: float, largest: float) -> None:
    law = msgspec.structs.replace(LAW, points=[(part * largest, 1.0), (largest, 2.0)], largest=largest)
    (chart,) = describe_fit(law, "requests in flight", "requests/s").charts
    assert chart.lines["the law"][-1][0] == pytest.approx(2 * largest)


def test_what_the_data_do_not_carry_is_said_in_words() -> None:
    law = fit(measure(50, 0.1, 0.01, sizes=(1, 2)))
    assert describe_fit(law, "web containers", "requests/s").text == [law.reason]
    assert tell_fit(law)["rate"] == "not identifiable"
