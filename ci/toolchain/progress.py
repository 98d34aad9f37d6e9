"""What the toolchain says while it works: one line per event, each with the time since the step began."""

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

Command = list[str | Path]

# Silence longer than this makes people think it hangs.
HEARTBEAT_SECONDS = 10.0
_KEPT_LINES = 30
# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class ToolchainError(Exception):
    """A step failed. The message is one line that names the cause and the mend."""


class Report:
    """Prints the progress of one step."""

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        self.name = name
        self.stream = stream or sys.stderr
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"  {self.name}: {text} ({format_seconds(self.elapsed())})", file=self.stream, flush=True)

    def finish(self, text: str) -> None:
        print(f"✓ {self.name}: {text} ({format_seconds(self.elapsed())})", file=self.stream, flush=True)

    def elapsed(self) -> float:
        return time.monotonic() - self.began


def format_seconds(seconds: float) -> str:
    """Formats a duration as `0.4 s`, `42 s` or `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def run(
    command: Sequence[str | Path],
    report: Report,
    doing: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    count: Callable[[int, str], str] | None = None,
    timeout: float | None = None,
    mend: str = "",
) -> None:
    """Runs a command, saying every few seconds that it still runs.

    `count` turns (lines printed so far, last line) into what the heartbeat shows. A failure, or one that
    outlives `timeout` seconds, raises ToolchainError with the end of its output.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # No other thread runs here that could hold a lock over the fork.
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    )
    assert process.stdout is not None  # noqa: S101 — asked for as a pipe
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    printed = 0

    def read(stream: TextIO) -> None:
        nonlocal printed
        for line in stream:
            printed += 1
            lines.append(line.rstrip())

    reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
    reader.start()
    report.say(doing)
    began = time.monotonic()
    try:
        while True:
            try:
                code = process.wait(HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if timeout is not None and time.monotonic() - began > timeout:
                    raise ToolchainError(f"{doing} took longer than {timeout:.0f} s{_add(mend)}") from None
                report.say(f"{doing}{_add(count(printed, lines[-1] if lines else '') if count else '')}")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    reader.join()
    if code != 0:
        for line in lines:
            print(f"    {line}", file=report.stream)
        if "no space left on device" in "\n".join(lines).lower():
            mend = "the disk is full, free some space (`df -h`) and run it again"
        raise ToolchainError(f"{doing} failed (exit code {code}, its last output is above){_add(mend)}")


def _end_with_parent() -> None:
    """Asks the kernel to end this process with the one that started it, also when that is killed.

    A build that outlived its run would write into what the next run has cleared away.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _add(text: str) -> str:
    return f": {text}" if text else ""
