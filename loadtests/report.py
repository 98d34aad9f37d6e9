"""The report of a run: one JSON document for CI, and one HTML file, self-contained, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loadtests.charts import draw_lines
from loadtests.objectives import Verdict
from loadtests.profiles import Profile
from loadtests.recording import PERCENTILES, Recording, read_percentile
from loadtests.sections import Section

FORMAT = 1
# A percentile that grew by more than this over the baseline's is a regression; less is noise.
REGRESSION = 0.2
LEAST_SECONDS = 0.005


class Percentiles(msgspec.Struct, frozen=True):
    """One group of requests: seconds by percentile."""

    count: int
    failed: int
    seconds: dict[str, float]
    mean: float = 0.0


class Moment(msgspec.Struct, frozen=True):
    """One second of the run, by intended start."""

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
    resources: dict[str, Any]
    regressions: list[str] = []
    # Of studies: what many runs found together, and the same for programs.
    sections: list[Section] = []
    scale: dict[str, Any] = {}


def make_report(
    recording: Recording,
    profile: Profile,
    *,
    verdicts: list[Verdict],
    void: list[str],
    orders: int,
    processor: float,
    resources: dict[str, Any],
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
        resources=resources,
    )


def compare(report: Report, baseline: Report) -> list[str]:
    """What got worse since the baseline by more than noise: one line each. Raises ValueError."""
    for key in ("format", "profile", "rate", "seconds"):
        own, other = getattr(report, key), getattr(baseline, key)
        if own != other:
            raise ValueError(
                f"the baseline's {key} is {other!r}, this run's {own!r}: they say nothing of each other"
            )
    worse = []
    for name, group in report.groups.items():
        before = baseline.groups.get(name)
        if before is None:
            continue
        for percentile in ("p95", "p99"):
            now, then = group.seconds[percentile], before.seconds[percentile]
            if now > then * (1 + REGRESSION) and now - then > LEAST_SECONDS:
                worse.append(f"{name} {percentile}: {now:.3f} s, was {then:.3f} s ({now / then - 1:+.0%})")
    return worse


def render_html(report: Report) -> str:
    """The page: verdict first, then what it rests on."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html").render(report=report, charts=_draw(report))


def _draw(report: Report) -> list[Markup]:
    def over_time(name: str) -> list[tuple[float, float]]:
        return [(moment.second, getattr(moment, name)) for moment in report.moments]

    curves = {
        name: [(100 - float(key[1:]), seconds) for key, seconds in group.seconds.items() if seconds]
        for name, group in report.groups.items()
        if group.count >= 20
    }
    tails = {name: [(_nines(left), seconds) for left, seconds in line] for name, line in curves.items()}
    seconds: Sequence[float] = report.resources.get("seconds", [])
    cores = {
        role: list(zip(seconds, line, strict=True))
        for role, line in report.resources.get("cores", {}).items()
    }
    drawn = [
        draw_lines(
            "Latency from the intended start",
            {name: over_time(name) for name in ("p50", "p95", "p99")},
            across="second of the run",
            up="seconds",
        ),
        draw_lines(
            "Requests and errors",
            {
                "requests": over_time("requests"),
                "failed": over_time("failed"),
                "visits dropped": over_time("dropped"),
            },
            across="second of the run",
            up="per second",
        ),
        draw_lines("Cores in use by role", cores, across="second of the run", up="cores"),
        draw_lines(
            "Latency by percentile: 1 is p90, 2 is p99, 3 is p99.9",
            tails,
            across="nines",
            up="seconds (logarithmic)",
            logarithmic=True,
        ),
    ]
    return [Markup(each) for each in drawn if each]  # noqa: S704  # made by draw_lines, which escapes


def _nines(left: float) -> float:
    from math import log10

    return -log10(left / 100)
