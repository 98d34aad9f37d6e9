"""The report of a run: one JSON document for CI, and one HTML file, self-contained, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loadtests.objectives import Verdict
from loadtests.profiles import Mark, Profile
from loadtests.recording import PERCENTILES, Process, Recording, Series, read_percentile
from loadtests.sections import Chart, Section

FORMAT = 2
# A percentile that grew by more than this over the baseline's is a regression; less is noise.
REGRESSION = 0.2
LEAST_SECONDS = 0.005
# Fewer requests than that have no percentiles to draw.
LEAST_REQUESTS = 20
# By key of the samples: the chart's title and unit.
RESOURCES = {
    "cores": ("Cores in use by role", "cores"),
    "memory_mb": ("Memory by role", "MB"),
    "database": ("The database's connections from the pool", "connections"),
    "hits": ("Cache hit ratio", "share of 1"),
}


class Percentiles(msgspec.Struct, frozen=True):
    """One group of requests: seconds by percentile."""

    count: int
    failed: int
    seconds: dict[str, float]
    mean: float = 0.0


class Moment(msgspec.Struct, frozen=True):
    """One slice of the run, by intended start: a second, or `slice_seconds` of the report."""

    second: float
    requests: int
    failed: int
    planned: int
    dropped: int
    p50: float
    p95: float
    p99: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run found; `held` is the verdict, `void` says why there is none."""

    format: int = FORMAT
    profile: str
    title: str
    stack: str
    version: str
    began: str
    rate: float
    seconds: float
    held: bool
    void: list[str]
    verdicts: list[Verdict]
    groups: dict[str, Percentiles]
    moments: list[Moment]
    failures: dict[str, int]
    orders: int
    orders_per_minute: float
    lateness_p99: float
    processor: float
    processes: list[Process] = []
    resources: Series
    slice_seconds: float = 1.0
    faults: list[Mark] = []
    regressions: list[str] = []
    # Of studies: what many runs found together, and the same for programs.
    sections: list[Section] = []
    scale: dict[str, Any] = {}

    @property
    def broken(self) -> list[Verdict]:
        """Invariants that did not hold: they fail a run that is void as well."""
        return [verdict for verdict in self.verdicts if verdict.invariant and not verdict.held]


def make_report(
    recording: Recording,
    profile: Profile,
    *,
    verdicts: list[Verdict],
    void: list[str],
    orders: int,
    processor: float,
    processes: Sequence[Process] = (),
    resources: Series,
    faults: Sequence[Mark] = (),
    stack: str,
    version: str,
    began: str,
) -> Report:
    """Put together what was measured."""
    failures: dict[str, int] = {}
    for group in recording.groups.values():
        for text, count in group.failures.items():
            failures[text] = failures.get(text, 0) + count
    moments = [
        Moment(
            second=number * recording.slice_seconds,
            requests=interval.count,
            failed=interval.failed,
            planned=interval.planned,
            dropped=interval.dropped,
            p50=read_percentile(interval.latency, 50),
            p95=read_percentile(interval.latency, 95),
            p99=read_percentile(interval.latency, 99),
        )
        for number, interval in sorted(recording.intervals.items())
    ]
    return Report(
        profile=profile.name,
        title=profile.title,
        stack=stack,
        version=version,
        began=began,
        rate=profile.rate,
        seconds=profile.seconds,
        held=not void and all(verdict.held for verdict in verdicts),
        void=void,
        verdicts=verdicts,
        groups={
            name: Percentiles(
                group.count,
                group.failed,
                {f"p{each:g}": read_percentile(group.latency, each) for each in PERCENTILES},
                float(group.latency.get_mean_value()) / 1e6 if group.count else 0.0,
            )
            for name, group in sorted(recording.groups.items())
        },
        moments=moments,
        failures=dict(sorted(failures.items(), key=lambda entry: -entry[1])),
        orders=orders,
        orders_per_minute=60 * orders / profile.seconds,
        lateness_p99=read_percentile(recording.lateness, 99),
        processor=processor,
        processes=list(processes),
        resources=resources,
        slice_seconds=recording.slice_seconds,
        faults=list(faults),
    )


def check_baseline(baseline: Report, profile: Profile) -> None:
    """Refuse an earlier run that says nothing of one of this profile. Raises ValueError."""
    wanted = {"format": FORMAT, "profile": profile.name, "rate": profile.rate, "seconds": profile.seconds}
    for key, own in wanted.items():
        other = getattr(baseline, key)
        if own != other:
            raise ValueError(
                f"the baseline's {key} is {other!r}, this run's {own!r}: they say nothing of each other"
            )
    if baseline.void:
        raise ValueError(f"the baseline is void, so nothing can be held against it: {baseline.void[0]}")


def compare(report: Report, baseline: Report) -> Report:
    """The report with what got worse since the baseline by more than noise."""
    worse, rows = [], []
    for name, group in report.groups.items():
        before = baseline.groups.get(name)
        if before is None:
            continue
        for percentile in ("p95", "p99"):
            now, then = group.seconds[percentile], before.seconds[percentile]
            change = f"{now / then - 1:+.0%}" if then else ""
            is_worse = now > then * (1 + REGRESSION) and now - then > LEAST_SECONDS
            rows.append(
                [f"{name} {percentile}", f"{then:.3f} s", f"{now:.3f} s", change, "worse" if is_worse else ""]
            )
            if is_worse:
                worse.append(f"{name} {percentile}: {now:.3f} s, was {then:.3f} s ({change})")
    held = {verdict.objective for verdict in baseline.verdicts if verdict.held}
    worse += [
        f"{verdict.objective}: {verdict.measured}, held before"
        for verdict in report.verdicts
        if not verdict.held and verdict.objective in held
    ]
    then, now = baseline.orders_per_minute, report.orders_per_minute
    rows.append(
        ["orders a minute", f"{then:.0f}", f"{now:.0f}", f"{now / then - 1:+.0%}" if then else "", ""]
    )
    section = Section(
        title="Against the baseline",
        text=[
            f"Baseline: version {baseline.version}, {baseline.began}. Worse is what grew by more than"
            f" {REGRESSION:.0%} and {LEAST_SECONDS * 1000:.0f} ms, or what held then and does not now."
        ],
        head=["", "baseline", "this run", "change", ""],
        rows=rows,
    )
    return msgspec.structs.replace(
        report, regressions=worse, held=report.held and not worse, sections=[*report.sections, section]
    )


def render_html(report: Report) -> str:
    """The page: verdict first, then what it rests on."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    sections = [section for make in SECTIONS if (section := make(report))]
    return environment.get_template("report.html").render(
        report=report, sections=sections, percentiles=[f"p{each:g}" for each in PERCENTILES]
    )


def show_load(report: Report) -> Section:
    """What came and how long it took, over time."""
    names = ("p50", "p95", "p99")
    latency = {name: [(moment.second, getattr(moment, name)) for moment in report.moments] for name in names}
    counts = {
        title: [(moment.second, getattr(moment, name) / report.slice_seconds) for moment in report.moments]
        for title, name in (("requests", "requests"), ("failed", "failed"), ("visits dropped", "dropped"))
    }
    rows = [
        [str(number), mark.title, f"{mark.begin:.0f}", f"{mark.end:.0f}", mark.problem or "mended"]
        for number, mark in enumerate(report.faults, 1)
    ]
    return Section(
        title="Over time",
        text=["Shaded and numbered is when a fault was in force."] if rows else [],
        head=["", "fault", "from second", "to second", "outcome"] if rows else [],
        rows=rows,
        charts=[
            _over_time(report, "Latency from the intended start", latency, "seconds"),
            _over_time(report, "Requests and errors", counts, "per second"),
        ],
    )


def show_resources(report: Report) -> Section | None:
    """What the stack's parts used, over the same time."""
    charts = [
        _over_time(report, title, lines, unit)
        for key, (title, unit) in RESOURCES.items()
        if (lines := {name: line for name, line in report.resources.get(key, {}).items() if line})
    ]
    return Section(title="What the stack used", text=[], charts=charts) if charts else None


def show_percentiles(report: Report) -> Section | None:
    """How long the slowest took, by group."""
    tails = {
        name: [(-log10(1 - float(key[1:]) / 100), value) for key, value in group.seconds.items() if value]
        for name, group in report.groups.items()
        if group.count >= LEAST_REQUESTS
    }
    chart = Chart(
        title="Latency by percentile: 1 is p90, 2 is p99, 3 is p99.9",
        across="nines",
        up="seconds (logarithmic)",
        lines=tails,
        logarithmic=True,
    )
    return Section(title="The slowest requests", text=[], charts=[chart]) if tails else None


def _over_time(report: Report, title: str, lines: dict[str, list[tuple[float, float]]], up: str) -> Chart:
    return Chart(
        title=title,
        across="second of the run",
        up=up,
        lines=lines,
        span=(0.0, max([report.seconds, *(mark.end for mark in report.faults)])),
        bands=[(mark.begin, mark.end, mark.title) for mark in report.faults],
    )


SECTIONS: tuple[Callable[[Report], Section | None], ...] = (show_load, show_resources, show_percentiles)
