"""Judges a run: each objective with what was measured, and whether the generator was fit to measure."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from loadtests.recording import Recording, read_percentile

FILE = Path(__file__).parent / "objectives.toml"
# A generator busier than this, or later than this, measures itself (Locust warns at 90 %).
MOST_PROCESSOR = 0.8
MOST_LATENESS_SECONDS = 0.1


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


def read_objectives(stack: str, folder: Path = FILE.parent) -> Objectives:
    """The objectives, with what the environment says otherwise. Raises ValueError."""
    table = tomllib.loads((folder / FILE.name).read_text())
    own = folder / f"{FILE.stem}.{stack}.toml"
    if own.exists():
        _override(table, tomllib.loads(own.read_text()))
    try:
        return msgspec.convert(table, Objectives)
    except msgspec.ValidationError as error:
        raise ValueError(f"{own if own.exists() else FILE}: {error}") from None


def judge(recording: Recording, objectives: Objectives) -> list[Verdict]:
    """Every objective that the run's requests and arrivals can be held against."""
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
    count = sum(group.count for group in recording.groups.values())
    failed = sum(group.failed for group in recording.groups.values())
    rate = failed / count if count else 1.0
    verdicts.append(
        Verdict(
            "error rate",
            f"≤ {objectives.error_rate:.2%}",
            f"{rate:.2%} ({failed:,} of {count:,})",
            rate <= objectives.error_rate,
        )
    )
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


def _override(table: dict[str, Any], own: dict[str, Any]) -> None:
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _override(table[key], value)
        else:
            table[key] = value
