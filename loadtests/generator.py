"""What one process of the generator does in a run: brings its arrivals, records, and tells what it found.

A locustfile attaches it when Locust is there (`events.init`), starts it with the test, and writes its
document at the end. It knows whether it is alone, a master or one of several workers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

import gevent
import msgspec
import psutil
from gevent.event import Event
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtests.arrivals import OpenArrivals, share_of
from loadtests.distribution import Master, Measured, Share, Worker
from loadtests.profiles import Profile
from loadtests.recording import Confirmed, Recording

# Poisson arrivals from one seed: two runs of a profile bring the same visits at the same times.
SEED = 20_26


def put_first() -> None:
    """Let this process run whenever it has something to do, where the system lets it.

    A store on the same machine would otherwise make its own measurement late, and the run void, before it
    comes to its limit. The generator never takes more than MOST_PROCESSOR of a core without being void, and
    Linux leaves 5 % to others whatever it does. Without the right to it (CAP_SYS_NICE) nothing changes.
    """
    with suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


class Generator:
    """One process. `arrivals` is for its users; `began` is the run's second 0, by `perf_counter`.

    `profile` is what it brings, unless it is a worker; `open` says whether users wait for arrivals. What
    began in the first `warm_up` seconds is not to be recorded. Without a seed arrivals are evenly spaced.
    """

    def __init__(self, seed: int | None = SEED) -> None:
        self._seed = seed
        self.recording = Recording()
        self.arrivals = OpenArrivals(self.recording.note_arrival)
        self.confirmed: list[Confirmed] = []
        self.began = perf_counter()
        self.profile: Profile | None = None
        self.open = False
        self.warm_up = 0.0
        # The highest share of one core that this process used over a second.
        self._processor = 0.0
        self._finished = False
        self._ready = Event()
        self._runner: Runner | None = None
        self._master: Master | None = None
        self._worker: Worker | None = None

    def attach(self, runner: Runner | None, share: Callable[[Share], None] = lambda _share: None) -> None:
        """Listen to the others from the first moment; `share` is told what this process brings."""

        def begin(given: Share) -> None:
            share(given)
            self.began = perf_counter() + given.delay
            gevent.spawn(self._bring, given)

        self._runner = runner
        if isinstance(runner, MasterRunner):
            self._master = Master(runner, self.recording)
        elif isinstance(runner, WorkerRunner):
            self._worker = Worker(runner, begin, self._tell, self._end)
        self._begin = begin

    def ready(self) -> None:
        """Say that this process can serve: users are made only then."""
        self._ready.set()
        if self._worker:
            gevent.spawn(self._worker.ask)

    def start(self, announce: Callable[[float], None] = lambda _began: None) -> None:
        """Begin as soon as the pool of users is there; `announce` is told when, by `perf_counter`.

        Without a profile it is a closed loop; a worker gets its own from the master.
        """
        self._ready.wait()
        put_first()
        self.began = perf_counter()
        gevent.spawn(self._watch_processor)
        profile = self.profile
        if profile is None or self._runner is None or self._worker:
            return
        if self._master:

            def note(began: float) -> None:
                self.began = began
                announce(began)

            gevent.spawn(self._master.run, profile, note)
            return
        options: Any = self._runner.environment.parsed_options
        # Two seconds more, since users take their time to be made.
        self._begin(Share(profile, 0, 1, options.num_users / options.spawn_rate + 2))
        announce(self.began)

    def document(self) -> dict[str, Any] | None:
        """What the whole run measured, for JSON; None of a worker, whose master tells it."""
        if self._worker:
            return None
        if self._master:
            self._master.end()
            self.confirmed += self._master.confirmed
        processes = self._master.processes if self._master else []
        return {
            "recording": self.recording.drain(),
            "confirmed": self.confirmed,
            "processor": max([self._processor, *(each.processor for each in processes)]),
            "began": time.time() - perf_counter() + self.began,
            "processes": msgspec.to_builtins(processes),
            "lost": self._master.lost if self._master else [],
        }

    def _bring(self, given: Share) -> None:
        plan = share_of(given.profile.curve.arrivals(self._seed), given.index, given.count)
        self.arrivals.run(plan, self.began)
        self._finished = True
        if self._runner and not self._worker:
            self._runner.quit()

    def _tell(self) -> Measured:
        # The list stays: the shoppers write into it.
        confirmed, self.confirmed[:] = self.confirmed[:], []
        return Measured(self.recording.drain(), confirmed, self._processor, self._finished)

    def _end(self) -> None:
        self.arrivals.stop()
        self._finished = True

    def _watch_processor(self) -> None:
        """Note how much of its core this process uses: a generator without time measures itself."""
        process = psutil.Process()
        process.cpu_percent()
        while True:
            gevent.sleep(1)
            self._processor = max(self._processor, process.cpu_percent() / 100)
