"""`breakpoint`: the highest rate of visits at which a store holds every objective for a set time.

The rate climbs by a factor until it does not hold, or falls until it does; then the bracket is halved (as a
ratio) until it is narrower than the precision. A rate that did not hold is tried once more before it counts:
one hiccup of the machine is not the store's limit. A rate that the generator could not bring bounds the
search as well, which is told: on a machine that both share it gives out where the store does. The whole is
done again from what was found, and the results' spread is told. The number of trials, and with it the time,
has a bound that is known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

import msgspec


class Search(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How the rate is looked for. Rates are in visits per second.

    `precision` is the ratio, less 1, at which the bracket is narrow enough; `attempts` is how often a rate
    must fail, or be void, before it counts as failed; `repeats` is how often the whole is done.
    """

    lowest: float = 0.25
    highest: float = 400.0
    climb: float = 2.0
    precision: float = 0.05
    attempts: int = 2
    repeats: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest:
            raise ValueError(f"lowest {self.lowest!r}, highest {self.highest!r}: 0 < lowest < highest")
        if not self.climb > 1 or not 0 < self.precision < self.climb - 1:
            raise ValueError(f"climb {self.climb!r}, precision {self.precision!r}: 0 < precision < climb - 1")
        if self.attempts < 1 or self.repeats < 1:
            raise ValueError(f"attempts {self.attempts!r}, repeats {self.repeats!r}: at least 1 each")

    def most_trials(self, first: float) -> int:
        """Trials that the search takes at most, all repeats together, beginning at that rate."""
        once = self._most_once(self.begin(first))
        # A repeat keeps within one climb of what was found before.
        return once + (self.repeats - 1) * max(self.around(rate)._most_once(rate) for rate in self._corners())

    def usual_trials(self) -> int:
        """Trials of a search whose first rate is right within one climb, and whose repeats agree."""
        return (2 + self._halvings(self.climb) + self.attempts) * self.repeats

    def begin(self, first: float) -> float:
        return min(max(first, self.lowest), self.highest)

    def around(self, found: float) -> Search:
        """The search of a repeat: from what was found, one climb up or down."""
        lowest, highest = max(found / self.climb, self.lowest), min(found * self.climb, self.highest)
        return msgspec.structs.replace(self, lowest=lowest, highest=highest)

    def _corners(self) -> tuple[float, ...]:
        return self.lowest, math.sqrt(self.lowest * self.highest), self.highest

    def _most_once(self, first: float) -> int:
        up = math.ceil(round(math.log(self.highest / first, self.climb), 9))
        down = math.ceil(round(math.log(first / self.lowest, self.climb), 9))
        climbing = max(up + self.attempts, (down + 1) * self.attempts)
        return climbing + (self._halvings(self.climb) + 1) * self.attempts

    def _halvings(self, ratio: float) -> int:
        return max(math.ceil(math.log2(math.log(ratio) / math.log1p(self.precision))), 0)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One rate, held for the set time or not; `reasons` are the objectives that were not held.

    `requests` are those per second that were answered, `latency` is their mean in seconds. Of a void trial
    the generator was the bottleneck: it says nothing of the store.
    """

    rate: float
    held: bool
    void: bool = False
    reasons: list[str] = []
    orders_per_minute: float = 0.0
    requests: float = 0.0
    latency: float = 0.0
    p99: float = 0.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What the search found: the median of its repeats, 0 where no rate held.

    `spread` is (highest - lowest) / median of the repeats. `gave_way` are the objectives that did
    not hold at the lowest rate which bounds a repeat. `limit` says why the store's limit lies elsewhere, if
    so.
    """

    rate: float
    rates: list[float]
    spread: float
    orders_per_minute: float
    gave_way: list[str]
    limit: str
    trials: list[Trial]


Measure = Callable[[float], Trial]


def next_rate(search: Search, first: float, trials: Sequence[Trial]) -> float | None:
    """The rate to try next, given the trials of this repeat; None when the bracket is narrow enough."""
    if not trials:
        return search.begin(first)
    last = trials[-1]
    failures = sum(not each.held and each.rate == last.rate for each in trials)
    if not last.held and failures < search.attempts:
        return last.rate
    held, failed = bracket(trials)
    if failed is None:
        return min(held * search.climb, search.highest) if held < search.highest else None
    if held == 0:
        return max(failed / search.climb, search.lowest) if failed > search.lowest else None
    return math.sqrt(held * failed) if failed / held > 1 + search.precision else None


def bracket(trials: Sequence[Trial]) -> tuple[float, float | None]:
    """The highest rate that held (0 if none), and the lowest above it that did not (None if none).

    A rate that held at a second attempt has held.
    """
    held = max((trial.rate for trial in trials if trial.held), default=0.0)
    above = [trial.rate for trial in trials if not trial.held and trial.rate > held]
    return held, min(above, default=None)


def search_once(search: Search, first: float, measure: Measure) -> Iterator[Trial]:
    """The trials of one repeat, as they are measured."""
    trials: list[Trial] = []
    while (rate := next_rate(search, first, trials)) is not None:
        trials.append(measure(rate))
        yield trials[-1]


def find_breakpoint(search: Search, first: float, measure: Measure) -> Finding:
    """Search as often as asked, each repeat from what the one before found."""
    repeats: list[list[Trial]] = []
    once, begin = search, first
    for _ in range(search.repeats):
        repeats.append(list(search_once(once, begin, measure)))
        begin = search.begin(bracket(repeats[-1])[0])
        once = search.around(begin)
    return conclude(search, repeats)


def conclude(search: Search, repeats: Sequence[Sequence[Trial]]) -> Finding:
    """Judge the trials of all repeats."""
    rates = [bracket(trials)[0] for trials in repeats]
    rate = median(rates)
    trials = [trial for repeat in repeats for trial in repeat]
    out = next((trial for trial in _bounds(repeats) if trial.void), None)
    failing = [trial for trial in _bounds(repeats) if not trial.void]
    lowest = min(failing, key=lambda trial: trial.rate, default=None)
    nearest = min((trial for trial in trials if trial.held), key=lambda t: abs(t.rate - rate), default=None)
    limit = ""
    if out:
        reasons = "; ".join(out.reasons)
        limit = (
            f"at {out.rate:.2f} visits/s the generator gave out, so that the store may hold more: {reasons}"
        )
    elif rate == 0:
        limit = f"not even {search.lowest:g} visits/s held: the store's limit is lower"
    elif lowest is None:
        limit = f"{search.highest:g} visits/s held: the store's limit is higher"
    return Finding(
        rate=rate,
        rates=rates,
        spread=(max(rates) - min(rates)) / rate if rate else 0.0,
        orders_per_minute=nearest.orders_per_minute if nearest else 0.0,
        gave_way=lowest.reasons if lowest else [],
        limit=limit,
        trials=trials,
    )


def _bounds(repeats: Sequence[Sequence[Trial]]) -> Iterator[Trial]:
    """The trials that each repeat found its upper bound by."""
    for trials in repeats:
        above = bracket(trials)[1]
        yield from (trial for trial in trials if not trial.held and trial.rate == above)


def announce(search: Search, first: float, step_seconds: float, most_seconds: float) -> str:
    """How long it takes, said before it begins: usually, and at most."""
    usual, most = search.usual_trials(), search.most_trials(first)
    return (
        f"looking for the highest rate that holds {search.repeats} times: usually about {usual} trials"
        f" ({usual * step_seconds / 60:.0f} min), never more than {most} ({most * most_seconds / 60:.0f} min)"
    )


def describe(trial: Trial) -> str:
    """One line of progress."""
    outcome = "void" if trial.void else "held" if trial.held else "not held"
    reasons = f": {'; '.join(trial.reasons)}" if trial.reasons else ""
    return f"{trial.rate:8.2f} visits/s {outcome}{reasons}"


def to_json(finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(finding)
    return document
