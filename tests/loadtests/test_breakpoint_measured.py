"""The breakpoint of a server whose capacity is known, measured with real requests, twice.

BREAKPOINT_SECONDS makes each rate be held for longer than the few seconds that suffice here.
"""

import os
from pathlib import Path

import pytest

from loadtests.breakpoint import Search, Trial, find_breakpoint
from loadtests.objectives import Latency, Objectives, find_voids, judge
from tests.loadtests.test_arrivals import planned_server, read_recording, start_locust

SECONDS = float(os.environ.get("BREAKPOINT_SECONDS", "4"))
OBJECTIVES = Objectives(achieved_rate=0.99, error_rate=0.001, latency={"get": Latency(0.3, 0.4)})


def test_the_breakpoint_of_a_known_capacity_is_found_twice_within_a_tenth(tmp_path: Path) -> None:
    """20 lanes of 0.2 s serve 100 a second; 5 % more than that waits longer than 0.3 s within seconds."""
    search = Search(lowest=10, highest=300, climb=1.5, precision=0.06, attempts=1, repeats=2)
    with planned_server("--lanes", "20", "--latency", "0.2") as port:

        def measure(rate: float) -> Trial:
            for _ in range(3):
                record = tmp_path / "record.json"
                options = ["-u", "150", "--arrivals", str(rate), "--seconds", str(SECONDS)]
                assert start_locust(port, record, *options).wait(60) == 0
                recording = read_recording(record)
                # A busy machine is late with its arrivals: that trial says nothing.
                if not find_voids(recording, 0.0):
                    break
            reasons = [verdict.objective for verdict in judge(recording, OBJECTIVES) if not verdict.held]
            return Trial(rate=rate, held=not reasons, reasons=reasons)

        finding = find_breakpoint(search, 75, measure)
    assert finding.rates == [pytest.approx(100, rel=0.1)] * 2
    assert finding.spread <= 0.1
    assert set(finding.gave_way) <= {"get p95", "get p99", "achieved arrival rate"}
    assert len(finding.trials) <= search.most_trials(75)
