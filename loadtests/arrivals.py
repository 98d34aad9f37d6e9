"""Open arrivals on Locust: visitors come at a planned rate, whether or not the store answers.

Locust's users are a closed loop: when the store slows down they send less, and its worst seconds vanish
from the percentiles (Gil Tene calls it coordinated omission). Here the users are a pool: each waits for an
arrival, makes one visit, and waits again. A visit's first request is measured from the arrival's intended
time, so what it waited for is part of its latency. An arrival that finds no user free is
dropped, and counted.
"""

from __future__ import annotations

import bisect
import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice, pairwise
from time import perf_counter

import gevent
from gevent.event import AsyncResult

from loadtests.alarm import Alarm


@dataclass(frozen=True)
class RateCurve:
    """Arrivals per second over seconds, linear between its points; 0 before the first and after the last."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        times = [time for time, _ in self.points]
        if len(times) < 2 or times[0] != 0 or any(later < time for time, later in pairwise(times)):
            raise ValueError(f"points {self.points!r}: at least two, from second 0 on, in the order of time")
        if any(rate < 0 or not math.isfinite(rate) for _, rate in self.points):
            raise ValueError(f"points {self.points!r}: a rate is a finite number of at least 0")

    @property
    def seconds(self) -> float:
        return self.points[-1][0]

    @property
    def expected(self) -> float:
        """Arrivals the whole curve brings."""
        return self._totals[-1]

    def rate_at(self, second: float) -> float:
        """Arrivals per second at that time."""
        for (begin, first), (end, last) in pairwise(self.points):
            if begin <= second < end:
                return first + (last - first) * (second - begin) / (end - begin)
        return 0.0

    def scaled(self, factor: float) -> RateCurve:
        """The same curve with every rate multiplied."""
        return RateCurve(tuple((time, rate * factor) for time, rate in self.points))

    def arrivals(self, seed: int | None = None) -> Iterator[float]:
        """The planned times in seconds: evenly spaced, or with a seed at random (Poisson), repeatably.

        A random arrival is drawn at rate 1 and carried to the curve by the inverse of its integral.
        """
        count = 0.5
        draw = random.Random(seed) if seed is not None else None  # noqa: S311  # repeatable on purpose
        if draw:
            count = draw.expovariate(1.0)
        while count < self.expected:
            yield self._when(count)
            count += draw.expovariate(1.0) if draw else 1.0

    @cached_property
    def _totals(self) -> list[float]:
        areas = ((end - begin) * (first + last) / 2 for (begin, first), (end, last) in pairwise(self.points))
        return list(accumulate(areas, initial=0.0))

    def _when(self, count: float) -> float:
        """The second until which the curve has brought `count` arrivals."""
        totals = self._totals
        part = min(bisect.bisect_right(totals, count), len(totals) - 1)
        (begin, first), (end, last) = self.points[part - 1], self.points[part]
        wanted, slope = count - totals[part - 1], (last - first) / (end - begin)
        # Solves first * t + slope * t² / 2 = wanted, in the form that a flat line does not divide by zero.
        root = math.sqrt(max(first * first + 2 * slope * wanted, 0.0))
        return begin + (2 * wanted / (first + root) if first + root else 0.0)


class Finished(Exception):  # noqa: N818
    """No arrival comes any more."""


class OpenArrivals:
    """Hands each planned arrival to a user that is free then, and counts what it could not hand over.

    `note` is told of each: its planned second, how late the generator was with it (seconds),
    and whether a user was free.
    """

    def __init__(
        self, note: Callable[[float, float, bool], None] = lambda _second, _late, _taken: None
    ) -> None:
        self._note = note
        self._free: deque[AsyncResult[float]] = deque()
        self._busy = 0
        self._stopped = False
        self.begin = math.nan

    def take(self) -> float:
        """Wait for an arrival; its intended start, by `perf_counter`. Raises Finished after the last one."""
        if self._stopped:
            raise Finished
        place: AsyncResult[float] = AsyncResult()
        # The user that has come back last takes the next arrival: few of many work, as connections do.
        self._free.append(place)
        intended: float = place.get()
        return intended

    def leave(self) -> None:
        """Say that the visit is over."""
        self._busy -= 1

    def run(self, times: Iterable[float], begin: float | None = None) -> None:
        """Bring the arrivals from `begin` (by `perf_counter`; now by default), then wait for their visits."""
        self.begin = perf_counter() if begin is None else begin
        with closing(Alarm()) as alarm:
            for second in times:
                # Even a late plan lets others run: the answers in flight are timed by them.
                alarm.sleep(self.begin + second - perf_counter())
                if self._stopped:
                    break
                late = perf_counter() - self.begin - second
                taken = bool(self._free)
                if taken:
                    self._busy += 1
                    self._free.pop().set(self.begin + second)
                self._note(second, late, taken)
        self.stop()
        while self._busy > 0:
            gevent.sleep(0.05)

    def stop(self) -> None:
        """Bring no more; users that wait leave."""
        self._stopped = True
        while self._free:
            self._free.pop().set_exception(Finished())


def share_of(times: Iterable[float], index: int, count: int) -> Iterator[float]:
    """Every count-th of the planned times: `count` processes with an index each bring exactly the plan."""
    return islice(times, index, None, count)
