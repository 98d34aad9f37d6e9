"""Samples what a stack uses while a run goes on, about once a second, on the run's time axis.

Cores and memory come from the engine's statistics, the pool, locks and buffers from PostgreSQL, lookups from
Redis, and the share of pages that the edge had at hand from its log. What is down gives no sample.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, cast

from docker.errors import DockerException
from docker.models.containers import Container

from loadtests.recording import Series
from loadtests.stack import Stack

# One command reads five times before it is begun anew: fewer starts of a program, and none is left behind.
DATABASE = """psql -qAtX -U postgres -d store -f - <<'SQL'
SELECT count(*) FILTER (WHERE activity.state = 'active'),
    count(*) FILTER (WHERE activity.state LIKE 'idle in transaction%'),
    count(*) FILTER (WHERE wait_event_type = 'Lock'),
    count(*), min(blks_hit), min(blks_read)
FROM pg_stat_activity AS activity JOIN pg_stat_database USING (datname)
WHERE datname = 'store' AND usename = 'store' \\watch interval=1 count=5
SQL"""
CACHE = (
    "REDISCLI_AUTH=$(cat /run/secrets/admin_password)"
    " redis-cli --user admin -i 1 -r 5 info stats | grep --line-buffered ^keyspace_"
)
# Fewer pages than in so many seconds say little of a ratio.
EDGE_SECONDS = 5
AT_HAND = {"HIT", "STALE", "UPDATING", "REVALIDATED"}
FETCHED = {"MISS", "EXPIRED"}


class Sampler:
    """Reads from entering until leaving."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ending = threading.Event()
        readers = (self._read_engine, self._read_database, self._read_cache)
        self._threads = [threading.Thread(target=self._repeat, args=(reader,)) for reader in readers]
        self._series: defaultdict[str, defaultdict[str, list[tuple[float, float]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._before: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> Sampler:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def since(self, began: float, slice_seconds: float = 1.0) -> Series:
        """The samples from `began` (by `time.time`) on, in seconds after it, as means of slices."""
        self._series["hits"].update(_read_edge_log(self._stack, began))
        return {
            chart: {
                name: _thin([(at - began, value) for at, value in line if at >= began], slice_seconds)
                for name, line in sorted(lines.items())
            }
            for chart, lines in self._series.items()
        }

    def _note(self, chart: str, name: str, value: float) -> None:
        self._series[chart][name].append((time.time(), value))

    def _repeat(self, read: Callable[[], None]) -> None:
        while not self._ending.wait(1):
            try:
                read()
            except (DockerException, ValueError, OSError):
                # Killed or replaced meanwhile: a fault of the profile, or a release.
                continue

    def _read_engine(self) -> None:
        sums: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        containers = self._stack.containers()
        # The engine takes its time for each answer.
        with ThreadPoolExecutor(len(containers) or 1) as pool:
            for container, reading in zip(containers, pool.map(self._read, containers), strict=True):
                if reading:
                    role = container.labels["storestack.role"]
                    sums["cores"][role] += reading[0]
                    sums["memory_mb"][role] += reading[1] / 1e6
        for chart, roles in sums.items():
            for role, value in roles.items():
                self._note(chart, role, value)

    def _read(self, container: Container) -> tuple[float, float] | None:
        """Cores since the last reading, and bytes; None for a container that a release has just removed."""
        try:
            stats = self._stack.engine.api.stats(str(container.id), stream=False, one_shot=True)
            used, size = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, stats["memory_stats"]["usage"]
        except (DockerException, KeyError):
            return None
        now = time.monotonic()
        before, then = self._before.get(str(container.id), (used, now))
        self._before[str(container.id)] = (used, now)
        return ((used - before) / (now - then) if now > then else 0.0), float(size)

    def _read_database(self) -> None:
        before: tuple[float, float] | None = None
        for line in self._stream("database", DATABASE):
            working, idle, locked, opened, hits, reads = map(float, line.split("|"))
            self._note("database", "at work", working)
            self._note("database", "in an open transaction", idle)
            self._note("database", "waiting for a lock", locked)
            self._note("database", "open", opened)
            before = self._note_hits("database buffers", (hits, reads), before)

    def _read_cache(self) -> None:
        before: tuple[float, float] | None = None
        found: dict[str, float] = {}
        for line in self._stream("cache", CACHE):
            name, _, value = line.partition(":")
            found[name] = float(value)
            if name == "keyspace_misses":
                before = self._note_hits("Redis", (found["keyspace_hits"], found[name]), before)

    def _note_hits(
        self, name: str, now: tuple[float, float], before: tuple[float, float] | None
    ) -> tuple[float, float]:
        """The share of lookups since the last reading that were hits, where there were any."""
        if before:
            hits, misses = now[0] - before[0], now[1] - before[1]
            if hits >= 0 and hits + misses > 0:
                self._note("hits", name, hits / (hits + misses))
        return now

    def _stream(self, role: str, command: str) -> Iterator[str]:
        """The lines of a command in a role's container, as they come."""
        for container in self._stack.containers(role):
            rest = ""
            output = cast(Iterator[bytes], container.exec_run(["sh", "-c", command], stream=True).output)
            for chunk in output:
                *lines, rest = (rest + chunk.decode()).split("\n")
                yield from (line.strip() for line in lines if line.strip())


def _thin(line: list[tuple[float, float]], slice_seconds: float) -> list[tuple[float, float]]:
    slices: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for at, value in line:
        slices[int(at / slice_seconds)].append((at, value))
    return [
        (
            round(sum(at for at, _ in each) / len(each), 1),
            round(sum(value for _, value in each) / len(each), 3),
        )
        for _, each in sorted(slices.items())
    ]


def _read_edge_log(stack: Stack, began: float) -> dict[str, list[tuple[float, float]]]:
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for container in stack.containers("edge"):
        for line in container.logs(since=int(began)).splitlines():
            entry = _parse(line)
            state = entry.get("cache")
            if state in AT_HAND or state in FETCHED:
                at = datetime.fromisoformat(entry["time"]).timestamp()
                counts[int((at - began) // EDGE_SECONDS)][state in FETCHED] += 1
    ratios = [
        (began + (number + 0.5) * EDGE_SECONDS, hits / (hits + misses))
        for number, (hits, misses) in sorted(counts.items())
    ]
    return {"edge's pages": ratios} if ratios else {}


def _parse(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
