"""Judges a run: each objective with what was measured, and whether the generator was fit to measure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from loadtests.profiles import Mark
from loadtests.recording import Recording, read_percentile

FILE = Path(__file__).parent / "objectives.toml"
# A generator busier than this, or later than this, measures itself (Locust warns at 90 %).
MOST_PROCESSOR = 0.8
MOST_LATENESS_SECONDS = 0.1
# A request that a fault caught under way was begun before it.
UNDER_WAY_SECONDS = 2.0


class Latency(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The bounds of one group, in seconds."""

    p95: float
    p99: float


class Objectives(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a run must hold; see objectives.toml."""

    achieved_rate: float
    error_rate: float
    latency: dict[str, Latency]


class Verdict(msgspec.Struct, frozen=True):
    """One objective: its bound and what was measured, as they are printed."""

    objective: str
    bound: str
    measured: str
    held: bool
    # Of the store's truth, not its speed: what breaks it fails the run even if the generator was too slow.
    invariant: bool = False


def read_objectives(
    stack: str, folder: Path = FILE.parent, *, profile: Mapping[str, Any] | None = None
) -> Objectives:
    """The objectives, with what the profile and then the environment say otherwise. Raises ValueError."""
    table = tomllib.loads((folder / FILE.name).read_text())
    _override(table, profile or {})
    own = folder / f"{FILE.stem}.{stack}.toml"
    if own.exists():
        _override(table, tomllib.loads(own.read_text()))
    try:
        return msgspec.convert(table, Objectives)
    except msgspec.ValidationError as error:
        raise ValueError(f"{own if own.exists() else FILE}: {error}") from None


def judge(recording: Recording, objectives: Objectives, marks: Sequence[Mark] = ()) -> list[Verdict]:
    """Every objective that the run's requests and arrivals can be held against.

    A request that failed within a fault's time counts against the fault's own rate of errors.
    """
    verdicts = []
    for name, group in sorted(recording.groups.items()):
        bounds = objectives.latency.get(name)
        if bounds is None:
            continue
        for percentile, bound in ((95.0, bounds.p95), (99.0, bounds.p99)):
            seconds = read_percentile(group.latency, percentile)
            verdicts.append(
                Verdict(f"{name} p{percentile:.0f}", f"≤ {bound:g} s", f"{seconds:.3f} s", seconds <= bound)
            )
    for mark in marks:
        verdicts += [_judge_fault(mark), _judge_errors(recording, [mark], mark.error_rate, during=mark)]
    verdicts.append(_judge_errors(recording, marks, objectives.error_rate))
    achieved = 1 - recording.dropped / recording.planned if recording.planned else 0.0
    verdicts.append(
        Verdict(
            "achieved arrival rate",
            f"≥ {objectives.achieved_rate:.0%}",
            f"{achieved:.2%} ({recording.dropped:,} of {recording.planned:,} dropped)",
            achieved >= objectives.achieved_rate,
        )
    )
    return verdicts


def _judge_fault(mark: Mark) -> Verdict:
    """Whether the fault was brought about, and mended."""
    measured = mark.problem or f"second {mark.begin:.0f} to {mark.end:.0f}"
    return Verdict(mark.title, "happens, and is mended", measured, held=not mark.problem)


def _judge_errors(
    recording: Recording, marks: Sequence[Mark], bound: float, *, during: Mark | None = None
) -> Verdict:
    """The share of requests that failed in the seconds of a fault, or in those of none of them."""
    count = failed = 0
    for number, interval in recording.intervals.items():
        second = number * recording.slice_seconds
        if (during is not None) == any(_touches(mark, second) for mark in marks):
            count += interval.count
            failed += interval.failed
    # A fault that nobody met has harmed nobody; a run without requests holds nothing.
    rate = failed / count if count else float(during is None)
    name = f"errors, {during.title}" if during else "error rate" + (" otherwise" if marks else "")
    return Verdict(name, f"≤ {bound:.2%}", f"{rate:.2%} ({failed:,} of {count:,})", rate <= bound)


def _touches(mark: Mark, second: float) -> bool:
    return mark.begin - UNDER_WAY_SECONDS <= second <= mark.end + mark.recovery


def find_voids(recording: Recording, processor: float) -> list[str]:
    """Why the run says nothing about the store, if so: the generator was the bottleneck."""
    reasons = []
    if processor > MOST_PROCESSOR:
        reasons.append(
            f"the generator used {processor:.0%} of its core (more than {MOST_PROCESSOR:.0%}):"
            " give it more processes or another machine"
        )
    late = read_percentile(recording.lateness, 99)
    if late > MOST_LATENESS_SECONDS:
        reasons.append(
            f"one arrival of a hundred was {late:.3f} s late (more than {MOST_LATENESS_SECONDS} s):"
            " the generator's machine is too busy"
        )
    return reasons


def _override(table: dict[str, Any], own: Mapping[str, Any]) -> None:
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _override(table[key], value)
        else:
            table[key] = value
