"""Studies: profiles that take many runs to answer one question.

A study's report is that of its most telling run, with what the runs found together as sections before it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import msgspec

from ci import environments
from ci.cost import load_prices
from loadtests import breakpoint as breakpoints
from loadtests import capacity, replicas
from loadtests.breakpoint import Finding, Search, Trial
from loadtests.invariants import check_invariants
from loadtests.objectives import Objectives, Verdict
from loadtests.profiles import Profile, Replicas
from loadtests.replicas import Study
from loadtests.report import Report, make_report
from loadtests.run import GRACE_SECONDS, SPAWN_RATE, Unready, check_health, count_users, run
from loadtests.scalability import BEYOND, Fit, fit
from loadtests.sections import Chart, Section
from loadtests.stack import Stack

# What a run takes beyond its visits: Locust's start, the last visits, the invariants; and that at the most.
AROUND_SECONDS = 20
MOST_AROUND_SECONDS = GRACE_SECONDS + 80


def find_breakpoint(
    profile: Profile, stack: Stack, objectives: Objectives, search: Search, stop: Event
) -> Report:
    """Look for the highest rate that holds; the report is of the run at it, else of the last run."""
    spawning = count_users(profile) / SPAWN_RATE
    step, most = (profile.seconds + spawning + around for around in (AROUND_SECONDS, MOST_AROUND_SECONDS))
    print(breakpoints.announce(search, profile.rate, step, most), flush=True)
    reports: list[Report] = []

    def measure(rate: float) -> Trial:
        if stop.is_set():
            return Trial(rate=rate, held=False, void=True, reasons=["interrupted"])
        try:
            reports.append(run(msgspec.structs.replace(profile, rate=rate), stack, objectives, stop))
        except Unready as error:
            if not reports:
                raise
            trial = Trial(rate=rate, held=False, reasons=[str(error)])
        else:
            trial = judge_trial(reports[-1])
        print(breakpoints.describe(trial), flush=True)
        return trial

    report = report_breakpoint(breakpoints.find_breakpoint(search, profile.rate, measure), reports)
    if stop.is_set():
        return msgspec.structs.replace(report, held=False, void=["interrupted: the search did not end"])
    return report


def judge_trial(report: Report) -> Trial:
    """One run as a trial of its rate."""
    groups = report.groups.values()
    count = sum(group.count for group in groups)
    return Trial(
        rate=report.rate,
        held=report.held,
        void=bool(report.void),
        reasons=report.void or [verdict.objective for verdict in report.verdicts if not verdict.held],
        orders_per_minute=report.orders_per_minute,
        requests=(count - sum(group.failed for group in groups)) / report.seconds,
        latency=sum(group.mean * group.count for group in groups) / count if count else 0.0,
        p99=max((group.seconds["p99"] for group in groups), default=0.0),
    )


def report_breakpoint(finding: Finding, reports: list[Report]) -> Report:
    """The report of the run at the rate that was found, with the search before it."""
    held = [report for report in reports if report.held]
    base = min(held or reports[-1:], key=lambda report: abs(report.rate - finding.rate))
    broken = {
        f"{verdict.objective} at {report.rate:.2f} visits/s"
        for report in reports
        for verdict in report.verdicts
        if not verdict.held and not _is_of_speed(verdict)
    }
    verdicts = [
        Verdict("breakpoint", "a rate that holds", f"{finding.rate:.2f} visits/s", held=finding.rate > 0),
        Verdict(
            "invariants in every trial",
            "nothing lost, doubled or oversold",
            "; ".join(sorted(broken)) or f"held in all {len(reports)}",
            held=not broken,
        ),
        *base.verdicts,
    ]
    points = [
        (trial.requests * trial.latency, trial.requests)
        for trial in finding.trials
        if trial.requests > 0 and trial.latency > 0 and not trial.void
    ]
    law = fit(points)
    return msgspec.structs.replace(
        base,
        held=base.held and all(verdict.held for verdict in verdicts),
        void=[] if finding.rate else base.void,
        verdicts=verdicts,
        orders_per_minute=finding.orders_per_minute,
        sections=[_describe_search(finding), describe_fit(law, "requests in flight", "requests/s")],
        scale={"breakpoint": breakpoints.to_json(finding), "law_over_load": tell_fit(law)},
    )


def measure_replicas(
    profile: Profile, stack: Stack, plan: Replicas, forecast: float | None, stop: Event
) -> Report:
    """Measure the store at several sizes; with a forecast of orders a minute, plan for it."""
    version = check_health(stack)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    study = replicas.measure_all(profile, plan, stack, stop)
    verdicts = [
        Verdict(
            "sizes measured",
            f"{len(plan.sizes)} sizes, {plan.repeats} times",
            f"{len(study.measurements)} of {len(plan.sizes) * plan.repeats} measurements",
            held=len(study.measurements) == len(plan.sizes) * plan.repeats,
        ),
        *check_invariants(stack, study.confirmed),
    ]
    void = replicas.find_voids(study)
    if stop.is_set():
        void.insert(0, "interrupted: not every size was measured")
    # Seconds of several runs are not one time axis.
    study.recording.intervals.clear()
    report = make_report(
        study.recording,
        profile,
        verdicts=verdicts,
        void=void,
        orders=len(study.confirmed),
        processor=max((each.processor for each in study.measurements), default=0.0),
        resources={},
        stack=stack.name,
        version=version,
        began=began,
    )
    return report_replicas(report, study, plan, forecast)


def report_replicas(base: Report, study: Study, plan: Replicas, forecast: float | None) -> Report:
    """Add what the sizes say together: efficiency, the law, the plan."""
    points = study.points
    if not any(value > 0 for _, value in points):
        return msgspec.structs.replace(base, held=False, void=[*base.void, "no order came through"])
    settings = environments.read(base.stack)
    measured = capacity.Measurement(
        web_cpus=plan.cpus,
        worker_cpus=settings.store.worker_cpus,
        points=points,
        core_seconds=study.core_seconds,
    )
    law = fit(points)
    sections = [_describe_sizes(measured), describe_fit(law, "web containers", "orders a minute")]
    scale: dict[str, object] = {
        "measurement": msgspec.to_builtins(measured),
        "law_over_replicas": tell_fit(law),
    }
    if forecast:
        needed = capacity.make_plan(forecast, measured, load_prices())
        sections.insert(0, capacity.describe_plan(needed))
        scale["plan"] = msgspec.to_builtins(needed)
    best = max(value for _, value, _ in capacity.summarize(points))
    return msgspec.structs.replace(base, orders_per_minute=best, sections=sections, scale=scale)


def _describe_sizes(measured: capacity.Measurement) -> Section:
    cores = ", ".join(f"{role} {1000 * seconds:.1f}" for role, seconds in measured.core_seconds.items())
    return Section(
        title=f"Web containers of {measured.web_cpus:g} cores each",
        text=[f"Core milliseconds of one order: {cores}."],
        head=["web containers", "orders a minute (each repeat)", "median", "efficiency"],
        rows=[
            [
                str(size),
                ", ".join(f"{value:.0f}" for other, value in measured.points if other == size),
                f"{value:.0f}",
                f"{efficiency:.0%}",
            ]
            for size, value, efficiency in capacity.summarize(measured.points)
        ],
    )


def _is_of_speed(verdict: Verdict) -> bool:
    """Whether a rate that is too high may break it without the store being wrong."""
    return verdict.objective.endswith((" p95", " p99", " rate"))


def _describe_search(finding: Finding) -> Section:
    rates = ", ".join(f"{rate:.2f}" for rate in finding.rates)
    text = [
        f"{finding.rate:.2f} visits/s hold every objective, {finding.orders_per_minute:.0f} orders a minute."
        f" {len(finding.rates)} searches found {rates}: a spread of {finding.spread:.0%}.",
        f"Beyond it gave way first: {', '.join(finding.gave_way)}." if finding.gave_way else "",
        finding.limit.capitalize(),
    ]
    trials = sorted(finding.trials, key=lambda trial: trial.rate)
    return Section(
        title="The breakpoint",
        text=[line for line in text if line],
        head=["visits/s", "", "orders a minute", "p99 of the slowest group", "not held"],
        rows=[
            [
                f"{trial.rate:.2f}",
                "void" if trial.void else "held" if trial.held else "not held",
                f"{trial.orders_per_minute:.0f}",
                f"{trial.p99:.3f} s",
                ", ".join(trial.reasons),
            ]
            for trial in trials
        ],
        charts=[
            Chart(
                title="Latency against rate",
                across="visits per second",
                up="seconds",
                lines={
                    "p99 of the slowest group": [(trial.rate, trial.p99) for trial in trials],
                    "mean": [(trial.rate, trial.latency) for trial in trials],
                },
                marks=[(finding.rate, "breakpoint")] if finding.rate else [],
            )
        ],
    )


def describe_fit(law: Fit, sizes: str, unit: str) -> Section:
    """The law's numbers with their intervals, and its curve as far as it may be drawn."""
    title = f"The Scalability Law over {sizes}"
    if not law.identifiable:
        return Section(title=title, text=[law.reason])
    smallest, end = min(size for size, _ in law.points), BEYOND * law.largest
    # The sum's last digit may lie beyond the end, where the law says nothing.
    steps = [min(smallest + (end - smallest) * step / 40, end) for step in range(41)]
    means = {
        size: [value for other, value in law.points if other == size]
        for size in sorted({size for size, _ in law.points})
    }
    return Section(
        title=title,
        text=[
            "X(N) = λN / (1 + σ(N-1) + κN(N-1)), with bootstrap intervals of 95 %; not beyond 2 N measured."
        ],
        head=["", "", "value (interval)"],
        rows=[
            ["λ", f"{unit} of one alone", str(law.rate)],
            ["σ", "share that queues for something common", str(law.contention)],
            ["κ", "cost of each pair agreeing", str(law.coherency)],
            ["N*", "size of most throughput", str(law.peak)],
        ],
        charts=[
            Chart(
                title=f"Throughput over {sizes}",
                across=sizes,
                up=unit,
                lines={
                    "measured": [(size, sum(values) / len(values)) for size, values in means.items()],
                    "the law": [(size, law.predict(size).value) for size in steps],
                },
                marks=[(law.largest, "measured until here")],
            )
        ],
    )


def tell_fit(law: Fit) -> dict[str, object]:
    """The fit for programs."""
    names = ("rate", "contention", "coherency", "peak")
    numbers = {
        name: msgspec.to_builtins(getattr(law, name))
        if getattr(law, name).identifiable
        else "not identifiable"
        for name in names
    }
    return {
        **numbers,
        "reason": law.reason,
        "largest": law.largest,
        "points": [list(point) for point in law.points],
    }
