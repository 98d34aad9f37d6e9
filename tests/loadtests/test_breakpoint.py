"""The breakpoint: found within its precision, in the trials announced, whatever the store does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from loadtests.breakpoint import Finding, Search, Trial, announce, bracket, find_breakpoint, next_rate

SEARCH = Search(lowest=0.5, highest=500, precision=0.05, attempts=2, repeats=3)


def search_a_store_of(capacity: float, first: float, search: Search = SEARCH) -> tuple[Finding, int]:
    count = 0

    def measure(rate: float) -> Trial:
        nonlocal count
        count += 1
        held = rate <= capacity
        return Trial(rate=rate, held=held, orders_per_minute=rate * 2, reasons=[] if held else ["cart p99"])

    return find_breakpoint(search, first, measure), count


@given(
    capacity=some.floats(0.6, 480),
    first=some.floats(0.1, 1000),
    precision=some.floats(0.01, 0.3),
    attempts=some.integers(1, 3),
)
def test_a_known_capacity_is_found_within_the_precision_and_the_announced_trials(
    capacity: float, first: float, precision: float, attempts: int
) -> None:
    search = msgspec.structs.replace(SEARCH, precision=precision, attempts=attempts)
    finding, count = search_a_store_of(capacity, first, search)
    assert capacity / (1 + precision) * 0.999 <= finding.rate <= capacity
    assert count == len(finding.trials) <= search.most_trials(first)
    assert finding.spread <= precision + 1e-9
    assert finding.gave_way == ["cart p99"]
    assert finding.limit == ""


@given(answers=some.lists(some.booleans(), min_size=1), first=some.floats(0.1, 1000))
def test_a_store_that_answers_by_chance_ends_the_search_in_time_too(
    answers: list[bool], first: float
) -> None:
    count = 0

    def measure(rate: float) -> Trial:
        nonlocal count
        count += 1
        return Trial(rate=rate, held=answers[count % len(answers)])

    find_breakpoint(SEARCH, first, measure)
    assert count <= SEARCH.most_trials(first)


def test_one_hiccup_is_not_the_limit() -> None:
    calm, _ = search_a_store_of(100, 30)
    trials = 0

    def stumble(rate: float) -> Trial:
        nonlocal trials
        trials += 1
        return Trial(rate=rate, held=rate <= 100 and trials != 2)

    assert find_breakpoint(SEARCH, 30, stumble).rate == pytest.approx(calm.rate, rel=0.05)
    single = msgspec.structs.replace(SEARCH, attempts=1, repeats=1)
    trials = 0
    assert find_breakpoint(single, 30, stumble).rate < 65, "a search that believes each failure is misled"


def test_a_limit_beyond_what_may_be_tried_is_said() -> None:
    assert "limit is higher" in search_a_store_of(1e6, 30)[0].limit
    finding, _ = search_a_store_of(0.1, 30)
    assert (finding.rate, finding.orders_per_minute) == (0, 0)
    assert "limit is lower" in finding.limit


def test_a_generator_that_gives_out_bounds_the_search_and_is_named() -> None:
    def measure(rate: float) -> Trial:
        busy = rate > 50
        return Trial(rate=rate, held=not busy, void=busy, reasons=["it used 95%"] if busy else [])

    finding = find_breakpoint(SEARCH, 30, measure)
    assert 50 / (1 + SEARCH.precision) <= finding.rate <= 50
    assert finding.spread <= SEARCH.precision
    assert "the generator gave out, so that the store may hold more: it used 95%" in finding.limit
    assert finding.gave_way == []


def test_a_generator_that_gave_out_far_above_the_limit_does_not_matter() -> None:
    def measure(rate: float) -> Trial:
        held = rate <= 50
        return Trial(rate=rate, held=held, void=rate > 100, reasons=[] if held else ["cart p99"])

    finding = find_breakpoint(SEARCH, 30, measure)
    assert 50 / (1 + SEARCH.precision) <= finding.rate <= 50
    assert finding.limit == ""


def test_the_orders_a_minute_are_those_of_the_rate_that_held() -> None:
    finding, _ = search_a_store_of(100, 30)
    assert finding.orders_per_minute == pytest.approx(2 * finding.rate)


def test_a_rate_that_held_at_the_second_attempt_has_held() -> None:
    trials = [Trial(rate=10, held=False), Trial(rate=10, held=True)]
    assert bracket(trials) == (10, None)
    assert next_rate(SEARCH, 10, trials) == 20


def test_what_gave_way_is_told_of_the_limit_and_not_of_a_hiccup_below_it() -> None:
    seen: set[float] = set()

    def measure(rate: float) -> Trial:
        again = rate in seen
        seen.add(rate)
        if rate < 30:
            return Trial(rate=rate, held=again, reasons=[] if again else ["error rate"])
        return Trial(rate=rate, held=False, reasons=["cart p99"])

    finding = find_breakpoint(SEARCH, 10, measure)
    assert 28 < finding.rate < 30
    assert finding.gave_way == ["cart p99"]


def test_the_time_is_told_before_it_begins() -> None:
    line = announce(SEARCH, 10, 60, 180)
    assert f"never more than {SEARCH.most_trials(10)}" in line


@pytest.mark.parametrize("wrong", [{"lowest": 0.0}, {"climb": 1.0}, {"precision": 2.0}, {"repeats": 0}])
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="|".join(wrong)):
        Search(**wrong)  # type: ignore[arg-type]
