"""Faults as data, and what they do to a verdict: what they excuse ends with them."""

import msgspec
import pytest

from loadtests.objectives import judge, read_objectives
from loadtests.profiles import Fault, Mark, list_profiles
from loadtests.recording import Recording

OBJECTIVES = read_objectives("none")


def record(failing: range) -> Recording:
    """Ten requests in each of 60 seconds, of which those of `failing` fail."""
    recording = Recording()
    for second in range(60):
        for _ in range(10):
            failure = "/product: 503 instead of 200" if second in failing else None
            recording.note_request("product", second, 0.01, failure)
        recording.note_arrival(second, 0.001, True)
    return recording


def mark(*, error_rate: float = 0.5, problem: str = "") -> Mark:
    return Mark(title="cache killed", begin=20, end=25, error_rate=error_rate, recovery=5, problem=problem)


def not_held(recording: Recording, *marks: Mark) -> list[str]:
    return [verdict.objective for verdict in judge(recording, OBJECTIVES, marks) if not verdict.held]


def test_what_fails_within_a_faults_bound_is_excused() -> None:
    assert not_held(record(range(20, 24)), mark()) == []


def test_more_errors_than_a_fault_may_cost_fail_the_run() -> None:
    assert not_held(record(range(20, 24)), mark(error_rate=0.1)) == ["errors, cache killed"]


def test_a_store_that_does_not_recover_after_its_fault_fails_the_run() -> None:
    assert not_held(record(range(20, 40)), mark(error_rate=1)) == ["error rate otherwise"]


def test_errors_before_the_fault_are_not_excused() -> None:
    assert not_held(record(range(5, 8)), mark(error_rate=1)) == ["error rate otherwise"]


def test_a_fault_that_did_not_happen_or_was_not_mended_fails_the_run() -> None:
    (verdict,) = [
        each for each in judge(record(range(0)), OBJECTIVES, [mark(problem="no such role")]) if not each.held
    ]
    assert (verdict.objective, verdict.measured) == ("cache killed", "no such role")


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "kill", "start": 0.5},
        {"kind": "gateway", "start": 0.5, "length": 0.2},
        {"kind": "release", "start": 0.5, "role": "web"},
        {"kind": "kill", "start": 1.5, "role": "web"},
        {"kind": "gateway", "start": 0.5, "length": 0.6, "gateway": {"latency_ms": 5}},
        {"kind": "flood", "start": 0.5},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"title": "x", **entry}, Fault)


def test_a_profile_excuses_only_what_its_faults_break() -> None:
    for name, profile in list_profiles().items():
        own = read_objectives("none", profile=profile.objectives)
        assert own.error_rate == OBJECTIVES.error_rate, name
        assert bool(profile.objectives) <= bool(profile.faults), name
    slow = read_objectives("none", profile=list_profiles()["slow-payment"].objectives)
    changed = {group for group in slow.latency if slow.latency[group] != OBJECTIVES.latency[group]}
    assert changed == {"checkout"}, "a slow gateway slows nobody else"
