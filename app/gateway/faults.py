"""Faults on demand, for drills and tests: held in memory, so that a restart ends them, as does their time.

`PUT /v1/faults` sets them, `DELETE /v1/faults` ends them; `python -m app.gateway fault` does both from inside
the container. The health page lists what is in force.
"""

from __future__ import annotations

import random
import time
from typing import Annotated, Any

import msgspec

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class Faults(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What goes wrong; rates are shares of 1. All of it ends after `seconds`, or `count` payment calls."""

    # Half of the calls take at most `latency_ms`; one in a hundred takes `latency_p99_ms` or longer.
    latency_ms: Milliseconds = 0
    latency_p99_ms: Milliseconds = 0
    decline_rate: Rate = 0.0
    # Answers 500 and does nothing.
    error_rate: Rate = 0.0
    # Does what was asked, and answers 500: the caller cannot know.
    lost_answer_rate: Rate = 0.0
    # Never answers, having done nothing.
    hang_rate: Rate = 0.0
    drop_webhooks: Rate = 0.0
    duplicate_webhooks: Rate = 0.0
    reorder_webhooks: bool = False
    delay_webhooks_ms: Milliseconds = 0
    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    count: Annotated[int, msgspec.Meta(gt=0)] | None = None


# z of the 99th percentile of the normal distribution: latencies are log-normal between the two given.
_Z99 = 2.326
# Longer than any client waits.
HANG_SECONDS = 3600.0


class Drill:
    """The faults in force, and how long they still are."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._ends = float("inf")
        self._left: int | None = None

    def set(self, faults: Faults) -> None:
        self._faults = faults
        self._ends = time.monotonic() + faults.seconds if faults.seconds else float("inf")
        self._left = faults.count

    def reset(self) -> None:
        self.set(Faults())

    @property
    def faults(self) -> Faults:
        if time.monotonic() >= self._ends or self._left == 0:
            self.reset()
        return self._faults

    def count_call(self) -> Faults:
        """The faults for one payment call, which uses up one of `count`."""
        faults = self.faults
        if self._left is not None:
            self._left -= 1
        return faults

    def describe(self) -> dict[str, Any]:
        """What is in force, without what is not; empty when nothing is."""
        idle = msgspec.to_builtins(Faults())
        active = {
            name: value for name, value in msgspec.to_builtins(self.faults).items() if value != idle[name]
        }
        if active and self._ends != float("inf"):
            active["seconds_left"] = round(self._ends - time.monotonic(), 1)
        if active and self._left is not None:
            active["calls_left"] = self._left
        return active


def hits(rate: float) -> bool:
    """Whether this call is among the share `rate`."""
    return rate > 0 and random.random() < rate  # noqa: S311  # chance, no secret


def draw_latency(faults: Faults) -> float:
    """Seconds that one call takes, beside its work."""
    median = faults.latency_ms / 1000
    high = faults.latency_p99_ms / 1000
    if high <= median:
        return median
    if median == 0:
        return high if hits(0.01) else 0.0
    return float(median * (high / median) ** (random.gauss(0, 1) / _Z99))
