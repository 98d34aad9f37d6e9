"""The Scalability Law: known numbers are found again, and what the data do not carry is not told."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from loadtests.scalability import Point, fit, throughput

SIZES = (1, 2, 3, 4, 6)


def measure(
    rate: float,
    contention: float,
    coherency: float,
    *,
    noise: float = 0.0,
    seed: int = 1,
    sizes: tuple[float, ...] = SIZES,
    repeats: int = 3,
) -> list[Point]:
    draw = random.Random(seed)
    return [
        (size, throughput(size, rate, contention, coherency) * (1 + draw.gauss(0, noise)))
        for _ in range(repeats)
        for size in sizes
    ]


@settings(deadline=None, max_examples=20)
@given(rate=some.floats(0.1, 10_000), contention=some.floats(0, 0.5), coherency=some.floats(0, 0.1))
def test_without_noise_the_law_is_found_exactly(rate: float, contention: float, coherency: float) -> None:
    found = fit(measure(rate, contention, coherency))
    assert found.rate.value == pytest.approx(rate, rel=1e-6)
    assert found.contention.value == pytest.approx(contention, abs=1e-6)
    assert found.coherency.value == pytest.approx(coherency, abs=1e-6)


def test_known_numbers_lie_within_their_intervals_about_as_often_as_promised() -> None:
    """Of 40 noisy measurements of one store, nine in ten or more intervals hold the truth (95 % promised)."""
    within = {"rate": 0, "contention": 0, "coherency": 0}
    for seed in range(40):
        found = fit(measure(100, 0.08, 0.02, noise=0.02, seed=seed))
        for name, truth in (("rate", 100), ("contention", 0.08), ("coherency", 0.02)):
            interval = getattr(found, name)
            within[name] += interval.low <= truth <= interval.high
    assert min(within.values()) >= 34, within


def test_what_the_data_carry_is_identifiable() -> None:
    found = fit(measure(50, 0.1, 0.02, noise=0.003, sizes=(1, 2, 4, 8, 16, 32)))
    assert found.identifiable
    assert found.rate.identifiable
    assert found.contention.identifiable
    assert found.coherency.identifiable
    assert found.peak.low <= (0.9 / 0.02) ** 0.5 <= found.peak.high


def test_a_store_that_grows_in_proportion_has_no_peak_to_tell() -> None:
    found = fit(measure(50, 0, 0, noise=0.01))
    assert found.identifiable
    assert not found.contention.identifiable
    assert not found.coherency.identifiable
    assert not found.peak.identifiable
    assert "not identifiable" in str(found.peak)
    assert found.predict(12).low == pytest.approx(600, rel=0.3)


def test_too_few_sizes_are_not_fitted_however_often_they_were_measured() -> None:
    found = fit(measure(50, 0.1, 0.01, sizes=(1, 2, 4), repeats=10))
    assert "3 different sizes" in found.reason
    with pytest.raises(ValueError, match="not identifiable"):
        found.predict(2)


def test_mere_scatter_is_not_identifiable() -> None:
    draw = random.Random(3)
    found = fit([(size, draw.uniform(1, 100)) for size in SIZES for _ in range(3)])
    assert not found.contention.identifiable
    assert not found.coherency.identifiable
    assert not found.peak.identifiable


def test_a_throughput_of_nothing_is_not_fitted() -> None:
    assert fit([(size, 0.0) for size in SIZES]).reason


def test_nothing_is_predicted_beyond_twice_what_was_measured() -> None:
    found = fit(measure(50, 0.05, 0.01, noise=0.01))
    predicted = found.predict(12)
    assert predicted.low <= throughput(12, 50, 0.05, 0.01) <= predicted.high
    with pytest.raises(ValueError, match="beyond twice the 6 measured"):
        found.predict(12.1)


def test_the_same_data_give_the_same_intervals() -> None:
    points = measure(50, 0.05, 0.01, noise=0.02)
    assert fit(points) == fit(points)
