"""The alarm is never early, is late by little, and lets others run meanwhile."""

import statistics
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter

import gevent
import pytest

from loadtests.alarm import Alarm


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    with closing(Alarm()) as made:
        yield made


def test_it_is_never_early_and_can_be_less_late_than_the_loops_timers(alarm: Alarm) -> None:
    late = []
    for number in range(60):
        wanted, begin = 0.002 + number * 3e-5, perf_counter()
        alarm.sleep(wanted)
        late.append(perf_counter() - begin - wanted)
    assert min(late) > -1e-5
    assert statistics.quantiles(late, n=10)[0] < 0.0002


def test_others_run_while_one_waits_and_nobody_waits_for_no_time(alarm: Alarm) -> None:
    ran: list[str] = []
    gevent.spawn(ran.append, "other")
    alarm.sleep(0)
    assert ran == ["other"]
    gevent.spawn_later(0.01, ran.append, "later")
    alarm.sleep(0.05)
    assert ran == ["other", "later"]


def test_a_wait_can_be_broken_off_and_the_next_is_whole(alarm: Alarm) -> None:
    with gevent.Timeout(0.02, False):
        alarm.sleep(10)
    begin = perf_counter()
    alarm.sleep(0.05)
    assert 0.05 <= perf_counter() - begin < 5
