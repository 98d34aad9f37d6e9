"""The Universal Scalability Law fitted to throughputs: X(N) = λN / (1 + σ(N-1) + κN(N-1)).

Neil Gunther's law (Guerrilla Capacity Planning, 2007): λ is what one of N does alone, σ the share of work
that queues for something common, κ the cost of each pair agreeing with each other. N/X is linear in 1/λ, σ/λ
and κ/λ, so the best fit with σ, κ ≥ 0 in relative errors is found exactly, without a starting guess.
Intervals come from a bootstrap of the residuals. A number that its interval does not carry is called not
identifiable; nothing is predicted beyond twice the largest N measured.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import product
from typing import Final

import msgspec

LEAST_SIZES: Final = 4  # three numbers are fitted: with fewer sizes they fit anything
RESAMPLES: Final = 2000
CONFIDENCE: Final = 0.95
BEYOND: Final = 2.0  # times the largest N measured
WIDEST: Final = 0.5  # of its value: an interval wider than this on either side carries no number

Point = tuple[float, float]


class Interval(msgspec.Struct, frozen=True):
    """A value with its 95 % interval; `identifiable` where the data carry it."""

    value: float
    low: float
    high: float
    identifiable: bool

    def __str__(self) -> str:
        bounds = f"{self.low:.3g} to {self.high:.3g}"
        return f"{self.value:.3g} ({bounds})" if self.identifiable else f"not identifiable ({bounds})"


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """The law's three numbers, and every resample's, from which predictions get their intervals.

    `reason` says why the fit as a whole carries nothing, if so; `peak` is the N of most throughput.
    """

    rate: Interval
    contention: Interval
    coherency: Interval
    peak: Interval
    largest: float
    points: list[Point]
    reason: str = ""
    resamples: list[tuple[float, float, float]] = []

    @property
    def identifiable(self) -> bool:
        return not self.reason

    def predict(self, size: float) -> Interval:
        """Throughput of that many. Raises ValueError beyond twice what was measured, or without a fit."""
        if self.reason:
            raise ValueError(self.reason)
        if not 0 < size <= BEYOND * self.largest:
            raise ValueError(
                f"{size:g} is beyond twice the {self.largest:g} measured: measure more before relying on it"
            )
        value = throughput(size, self.rate.value, self.contention.value, self.coherency.value)
        low, high = _bounds([throughput(size, *each) for each in self.resamples])
        return Interval(value, low, high, (high - low) / 2 <= WIDEST * value)


def throughput(size: float, rate: float, contention: float, coherency: float) -> float:
    """The law itself."""
    return rate * size / (1 + contention * (size - 1) + coherency * size * (size - 1))


def fit(points: Sequence[Point], seed: int = 20_26) -> Fit:
    """Fit the law to (N, throughput) pairs, repeats of a size each as a pair of their own."""
    sizes = sorted({size for size, _ in points})
    nothing = Interval(math.nan, 0.0, math.inf, False)
    useless = Fit(
        rate=nothing,
        contention=nothing,
        coherency=nothing,
        peak=nothing,
        largest=max(sizes, default=0),
        points=list(points),
    )
    if any(size <= 0 or value <= 0 or not math.isfinite(value) for size, value in points):
        return msgspec.structs.replace(useless, reason="not identifiable: a throughput is not above 0")
    if len(sizes) < LEAST_SIZES:
        reason = f"not identifiable: {len(sizes)} different sizes measured, at least {LEAST_SIZES} are needed"
        return msgspec.structs.replace(useless, reason=reason)
    best = _solve(points)
    residuals = [value / throughput(size, *best) - 1 for size, value in points]
    freedom = len(points) - 3
    # Fitting made the residuals smaller than the noise; their mean is not noise either.
    grown = math.sqrt(len(points) / freedom)
    mean = sum(residuals) / len(residuals)
    noise = [max((each - mean) * grown, -0.95) for each in residuals]
    draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
    resamples = [
        _solve([(size, throughput(size, *best) * (1 + draw.choice(noise))) for size, _ in points])
        for _ in range(RESAMPLES)
    ]
    rate, contention, coherency = (
        _judge(best[place], [each[place] for each in resamples]) for place in range(3)
    )
    found = msgspec.structs.replace(
        useless,
        rate=rate,
        contention=contention,
        coherency=coherency,
        peak=_judge(_peak(best), [_peak(each) for each in resamples]),
        resamples=resamples,
    )
    if not rate.identifiable:
        reason = (
            f"not identifiable: one alone does {rate.low:.3g} to {rate.high:.3g}, so much do the data scatter"
        )
        return msgspec.structs.replace(found, reason=reason)
    return found


def _solve(points: Sequence[Point]) -> tuple[float, float, float]:
    """λ, σ, κ of the least squared relative error of N/X, with σ, κ ≥ 0."""
    rows = []
    for size, value in points:
        weight = value / size  # makes the error of N/X relative
        rows.append((weight, weight * (size - 1), weight * size * (size - 1)))
    best, least = (1.0, 0.0, 0.0), math.inf
    # With two bounds there are four cases; the best feasible one is the answer.
    for free in product((True, False), repeat=2):
        columns = [0] + [place for place, is_free in zip((1, 2), free, strict=True) if is_free]
        solution = _least_squares(rows, columns)
        if solution is None or solution[0] <= 0 or min(solution[1:]) < 0:
            continue
        error = sum((sum(a * b for a, b in zip(row, solution, strict=True)) - 1) ** 2 for row in rows)
        if error < least:
            best, least = solution, error
    first, second, third = best
    return 1 / first, second / first, third / first


def _least_squares(
    rows: Sequence[tuple[float, float, float]], columns: Sequence[int]
) -> tuple[float, float, float] | None:
    """The coefficients of those columns that bring every row nearest to 1; None where many do."""
    count = len(columns)
    table = [[sum(row[a] * row[b] for row in rows) for b in columns] for a in columns]
    right = [sum(row[a] for row in rows) for a in columns]
    for place in range(count):
        pivot = max(range(place, count), key=lambda line: abs(table[line][place]))
        if abs(table[pivot][place]) < 1e-12 * max(abs(x) for x in table[pivot]) or not table[pivot][place]:
            return None
        table[place], table[pivot] = table[pivot], table[place]
        right[place], right[pivot] = right[pivot], right[place]
        for line in range(count):
            if line != place:
                factor = table[line][place] / table[place][place]
                table[line] = [a - factor * b for a, b in zip(table[line], table[place], strict=True)]
                right[line] -= factor * right[place]
    solution = [0.0, 0.0, 0.0]
    for place, column in enumerate(columns):
        solution[column] = right[place] / table[place][place]
    return solution[0], solution[1], solution[2]


def _peak(numbers: tuple[float, float, float]) -> float:
    _, contention, coherency = numbers
    return math.sqrt(max(1 - contention, 0.0) / coherency) if coherency > 0 else math.inf


def _judge(value: float, resampled: Sequence[float]) -> Interval:
    low, high = _bounds(resampled)
    # Told apart from 0, and known within half of itself.
    carried = low > 0 and math.isfinite(high) and max(value - low, high - value) <= WIDEST * value
    return Interval(value, low, high, carried)


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    tail = (1 - CONFIDENCE) / 2
    return ordered[int(tail * len(ordered))], ordered[min(int((1 - tail) * len(ordered)), len(ordered) - 1)]
