"""Open arrivals: they come as planned, whatever the server does, and its frozen seconds are seen."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from loadtests.arrivals import RateCurve, share_of
from loadtests.recording import Recording, read_percentile

ROOT = Path(__file__).parent.parent.parent

rates = some.floats(0, 500)
lengths = some.floats(0.5, 30)


@settings(deadline=None)
@given(parts=some.lists(some.tuples(lengths, rates), min_size=1, max_size=5), first=rates)
def test_a_curve_brings_as_many_arrivals_as_lie_under_it(
    parts: list[tuple[float, float]], first: float
) -> None:
    points, second = [(0.0, first)], 0.0
    for length, rate in parts:
        second += length
        points.append((second, rate))
    curve = RateCurve(tuple(points))
    times = list(curve.arrivals())
    assert len(times) == pytest.approx(curve.expected, abs=1)
    assert times == sorted(times)
    assert all(0 <= time <= second + 1e-6 for time in times)


def test_evenly_spaced_arrivals_keep_their_distance() -> None:
    times = list(RateCurve(((0, 10), (3, 10))).arrivals())
    assert times == pytest.approx([0.05 + 0.1 * number for number in range(30)])


def test_arrivals_by_chance_are_the_same_for_the_same_seed_and_have_the_rate() -> None:
    curve = RateCurve(((0, 100), (100, 100)))
    times = list(curve.arrivals(7))
    assert times == list(curve.arrivals(7))
    assert times != list(curve.arrivals(8))
    assert len(times) == pytest.approx(10_000, rel=0.05)


@given(count=some.integers(1, 7))
def test_the_shares_of_all_processes_are_the_whole_plan(count: int) -> None:
    curve = RateCurve(((0, 5), (10, 20)))
    shared = [time for index in range(count) for time in share_of(curve.arrivals(1), index, count)]
    assert sorted(shared) == list(curve.arrivals(1))


@pytest.mark.parametrize("points", [((0, 1),), ((1, 1), (2, 1)), ((0, 1), (5, 1), (4, 1)), ((0, -1), (1, 1))])
def test_a_curve_that_makes_no_sense_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="points"):
        RateCurve(points)


def test_a_freeze_of_two_seconds_shows_in_open_arrivals_and_hides_in_the_closed_loop(tmp_path: Path) -> None:
    """One freeze of 2 s in 60 at 100 arrivals/s: 200 of 6,000 wait up to 2 s, so 1 % wait more than 1.4 s."""
    with planned_server("--freeze", "20", "2") as first, planned_server("--freeze", "20", "2") as second:
        opened = start_locust(
            first, tmp_path / "open.json", "-u", "400", "--arrivals", "100", "--seconds", "60"
        )
        closed = start_locust(second, tmp_path / "closed.json", "-u", "10", "-t", "60s")
        assert [opened.wait(120), closed.wait(120)] == [0, 0]
    seen = read_recording(tmp_path / "open.json")
    assert seen.groups["get"].count == 6000
    assert seen.dropped == 0
    assert 1.2 <= read_percentile(seen.groups["get"].latency, 99) <= 1.6
    hidden = read_recording(tmp_path / "closed.json")
    assert read_percentile(hidden.groups["get"].latency, 99) < 0.1


def test_arrivals_that_find_no_user_free_are_dropped_and_counted(tmp_path: Path) -> None:
    """20 users, 0.2 s an answer: 100 a second are served at most; of 150 a second a third is dropped."""
    with planned_server("--latency", "0.2") as port:
        run = start_locust(port, tmp_path / "it.json", "-u", "20", "--arrivals", "150", "--seconds", "5")
        assert run.wait(60) == 0
    seen = read_recording(tmp_path / "it.json")
    assert seen.planned == 750
    assert seen.groups["get"].count + seen.dropped == 750
    # More where the machine is busy and an answer takes longer.
    assert 190 <= seen.dropped <= 500


def read_recording(path: Path) -> Recording:
    recording = Recording()
    recording.merge(msgspec.json.decode(path.read_bytes())["recording"])
    return recording


@contextmanager
def planned_server(*options: str) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.loadtests.planned_server", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


def start_locust(port: int, record: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "locust", "-f", "tests/loadtests/plain_locustfile.py", "--headless"]
    command += ["--host", f"http://127.0.0.1:{port}", "-r", "100", "--only-summary", "--record", str(record)]
    return subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
