"""A planned sale's capacity is up before it begins, stays through every `up`, and is gone after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stacks.aws.sales import changes, minimum_now
from stacks.aws.values import Sale

START = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
FRIDAY = Sale("black-friday", START, START + timedelta(days=1), minimum_web=12, minimum_workers=4)
LEAD = 15


def test_capacity_is_up_a_quarter_of_an_hour_before_and_back_at_the_end() -> None:
    due = changes([FRIDAY], LEAD, "web", 2, START - timedelta(days=3))
    assert [(change.schedule, change.minimum) for change in due] == [
        ("at(2026-11-26T23:45:00)", 12),
        ("at(2026-11-28T00:00:00)", 2),
    ]


def test_an_up_in_the_middle_of_a_sale_takes_no_capacity_away() -> None:
    middle = START + timedelta(hours=5)
    assert minimum_now([FRIDAY], LEAD, "web", 2, middle) == 12
    assert [change.name for change in changes([FRIDAY], LEAD, "web", 2, middle)] == ["black-friday-ends"]


def test_workers_get_their_own_minimum() -> None:
    assert minimum_now([FRIDAY], LEAD, "worker", 2, START) == 4


def test_a_sale_never_lowers_the_usual_minimum() -> None:
    assert minimum_now([FRIDAY], LEAD, "web", 20, START) == 20
    assert {change.minimum for change in changes([FRIDAY], LEAD, "web", 20, START - timedelta(1))} == {20}


@given(st.integers(min_value=-60 * 24 * 5, max_value=60 * 24 * 5), st.integers(0, 240), st.integers(1, 30))
def test_nothing_is_ever_scheduled_in_the_past_and_the_minimum_agrees_with_what_is_left(
    minutes: int, lead: int, usual: int
) -> None:
    now = START + timedelta(minutes=minutes)
    due = changes([FRIDAY], lead, "web", usual, now)
    assert all(change.at > now for change in due)
    running = START - timedelta(minutes=lead) <= now < FRIDAY.ends
    assert minimum_now([FRIDAY], lead, "web", usual, now) == (max(12, usual) if running else usual)
    assert len(due) == (0 if now >= FRIDAY.ends else 1 if running else 2)
