"""A long command never looks hung, and a failed one says why."""

import io
import time

import pytest

from ci.toolchain import progress
from ci.toolchain.progress import Report, ToolchainError, format_seconds, run


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.05)
    return Report("Part", io.StringIO())


def read(report: Report) -> str:
    assert isinstance(report.stream, io.StringIO)
    return report.stream.getvalue()


def test_a_long_command_says_how_far_it_is(report: Report) -> None:
    script = "echo one; echo two; sleep 0.3"
    run(["sh", "-c", script], report, "compiling", count=lambda printed, last: f"{printed} done, {last}")
    assert "Part: compiling: 2 done, two (" in read(report)


def test_a_failed_command_shows_the_end_of_its_output_and_the_mend(report: Report) -> None:
    with pytest.raises(ToolchainError, match=r"compiling failed \(exit code 3, .*\): ask the proxy"):
        run(["sh", "-c", "echo no such module >&2; exit 3"], report, "compiling", mend="ask the proxy")
    assert "    no such module\n" in read(report)


def test_a_command_that_takes_too_long_is_ended(report: Report) -> None:
    began = time.monotonic()
    with pytest.raises(ToolchainError, match="downloading took longer than 0 s"):
        run(["sleep", "30"], report, "downloading", timeout=0.1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (185.0, "3 min 05 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
