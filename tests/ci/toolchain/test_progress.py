"""A long command never looks hung, and a failed one says why."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.toolchain import progress
from ci.toolchain.cache import CHECKOUT
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


def test_a_full_disk_is_named_whatever_the_command_makes_of_it(report: Report) -> None:
    with pytest.raises(ToolchainError, match=r"compiling failed .*: the disk is full, free some space"):
        run(["sh", "-c", "echo write x: No space left on device; exit 1"], report, "compiling", mend="ask")


def test_a_command_that_takes_too_long_is_ended(report: Report) -> None:
    began = time.monotonic()
    with pytest.raises(ToolchainError, match="downloading took longer than 0 s"):
        run(["sleep", "30"], report, "downloading", timeout=0.1)
    assert time.monotonic() - began < 5


def test_what_a_killed_run_had_started_ends_with_it(tmp_path: Path) -> None:
    script = (
        "import io; from ci.toolchain.progress import Report, run\n"
        "run(['sh', '-c', 'echo $$ >started; exec sleep 60'], Report('Part'), 'compiling')"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment)
    started = tmp_path / "started"
    wait_until(lambda: started.exists() and started.read_text().endswith("\n"))
    process.kill()
    process.wait()
    child = Path("/proc") / started.read_text().strip()
    wait_until(lambda: not child.exists() or "\nState:\tZ" in (child / "status").read_text())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (185.0, "3 min 05 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
