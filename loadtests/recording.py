"""What one run measured: latencies by group, errors, and both over time; mergeable between processes.

Latencies are HdrHistograms in microseconds (1 µs to 120 s, three significant digits): percentiles are exact
to 0.1 %, whatever the number of requests, and histograms of several processes add up without loss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from hdrh.histogram import HdrHistogram

# What was sampled beside the requests, by chart and line: (second, value).
Series = dict[str, dict[str, list[tuple[float, float]]]]
LONGEST_MICROSECONDS = 120_000_000
PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)


class Confirmed(NamedTuple):
    """An order as its shopper was shown it: total in cents, and an e-mail address of this purchase alone."""

    number: str
    total: int
    email: str


def make_histogram(digits: int = 3) -> HdrHistogram:
    return HdrHistogram(1, LONGEST_MICROSECONDS, digits)


def read_percentile(histogram: HdrHistogram, percentile: float) -> float:
    """Seconds below which that share of the latencies lies; 0 for an empty histogram."""
    if not histogram.get_total_count():
        return 0.0
    return float(histogram.get_value_at_percentile(percentile)) / 1e6


class Process(msgspec.Struct):
    """One process of the generator, as the report tells it."""

    name: str
    processor: float = 0.0
    lateness_p99: float = 0.0
    planned: int = 0
    finished: bool = False


@dataclass
class Group:
    """The requests of one group: `latency` of all of them, also of those that failed."""

    latency: HdrHistogram = field(default_factory=make_histogram)
    count: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.failures.total()


@dataclass
class Interval:
    """One slice of time, by the intended start of what happened in it."""

    latency: HdrHistogram = field(default_factory=lambda: make_histogram(2))
    count: int = 0
    failed: int = 0
    planned: int = 0
    dropped: int = 0


class Recording:
    """Collects requests and arrivals. `slice_seconds` is the length of an interval."""

    def __init__(self, slice_seconds: float = 1.0) -> None:
        self.slice_seconds = slice_seconds
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.intervals: defaultdict[int, Interval] = defaultdict(Interval)
        self.lateness = make_histogram()

    def note_request(self, group: str, second: float, seconds: float, failure: str | None) -> None:
        """One request: when it was meant to start (seconds of the run) and how long it took from then."""
        value = min(max(int(seconds * 1e6), 1), LONGEST_MICROSECONDS)
        entry = self.groups[group]
        entry.count += 1
        entry.latency.record_value(value)
        interval = self.intervals[int(second / self.slice_seconds)]
        interval.count += 1
        interval.latency.record_value(value)
        if failure is not None:
            entry.failures[failure] += 1
            interval.failed += 1

    def note_arrival(self, second: float, late: float, taken: bool) -> None:
        """One planned arrival: how late the generator was with it, and whether a user was free."""
        interval = self.intervals[int(second / self.slice_seconds)]
        interval.planned += 1
        interval.dropped += not taken
        self.lateness.record_value(min(max(int(late * 1e6), 1), LONGEST_MICROSECONDS))

    @property
    def planned(self) -> int:
        return sum(interval.planned for interval in self.intervals.values())

    @property
    def dropped(self) -> int:
        return sum(interval.dropped for interval in self.intervals.values())

    def drain(self) -> dict[str, Any]:
        """What was collected since the last call, as JSON's types, for `merge` in another process."""
        document = {
            "groups": {
                name: {
                    "latency": _encode(group.latency),
                    "count": group.count,
                    "failures": dict(group.failures),
                }
                for name, group in self.groups.items()
            },
            "intervals": {
                str(number): {
                    "latency": _encode(interval.latency),
                    "count": interval.count,
                    "failed": interval.failed,
                    "planned": interval.planned,
                    "dropped": interval.dropped,
                }
                for number, interval in self.intervals.items()
            },
            "lateness": _encode(self.lateness),
        }
        self.groups.clear()
        self.intervals.clear()
        self.lateness.reset()
        return document

    def merge(self, document: dict[str, Any]) -> None:
        """Add what another process drained."""
        for name, other in document["groups"].items():
            group = self.groups[name]
            group.latency.decode_and_add(other["latency"])
            group.count += other["count"]
            group.failures.update(other["failures"])
        for number, other in document["intervals"].items():
            interval = self.intervals[int(number)]
            interval.latency.decode_and_add(other["latency"])
            for key in ("count", "failed", "planned", "dropped"):
                setattr(interval, key, getattr(interval, key) + other[key])
        self.lateness.decode_and_add(document["lateness"])


def _encode(histogram: HdrHistogram) -> str:
    return str(histogram.encode().decode())
