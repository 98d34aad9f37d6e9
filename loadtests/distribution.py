"""One plan of arrivals for several processes, on one machine or many: `--processes`, `--master`, `--worker`.

Each worker says that it is prepared until it is answered; the master answers when all of them have said so
and the users are there, with the profile and the worker's number of so many. From then on each brings every
so many-th arrival of the one seeded plan, by a clock of its own that begins at the same moment. What each
measured comes to the master with Locust's own reports and is added up there, histograms without loss. A
worker that dies leaves a hole in the plan: the run ends, is void, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any

import gevent
import msgspec
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from loadtests.profiles import Profile
from loadtests.recording import Confirmed, Process, Recording, read_percentile

# The messages: a worker is prepared, gets its share, and is told to tell the rest.
PREPARED, SHARE, END = "storestack-prepared", "storestack-share", "storestack-end"
# Where in Locust's reports the measurements are.
KEY = "storestack"
SAY_SECONDS = 0.5
# From the answer to the first arrival: longer than a message takes.
LEAD_SECONDS = 2.0
# A worker whose store does not answer cannot prepare itself.
PREPARE_SECONDS = 90.0
# Workers report every 3 s.
END_SECONDS = 15.0

log = logging.getLogger(__name__)


class Share(msgspec.Struct, frozen=True):
    """What one worker brings: every `count`-th arrival of the plan from `index` on, in `delay` seconds."""

    profile: Profile
    index: int
    count: int
    delay: float


class Measured(msgspec.Struct, frozen=True):
    """What one process tells: what it recorded since the last time, and its busiest second so far."""

    recording: dict[str, Any]
    confirmed: list[Confirmed]
    processor: float
    finished: bool


class Worker:
    """The side that brings arrivals: asks for its share, and tells what it measured."""

    def __init__(
        self,
        runner: WorkerRunner,
        begin: Callable[[Share], None],
        tell: Callable[[], Measured],
        end: Callable[[], None],
    ) -> None:
        self._runner, self._begin, self._answered = runner, begin, False
        runner.register_message(SHARE, self._take)
        runner.register_message(END, lambda **_: end())
        listeners: Any = runner.environment.events.report_to_master
        listeners.add_listener(lambda data, **_: data.update({KEY: msgspec.to_builtins(tell())}))

    def ask(self) -> None:
        """Say that this worker is prepared until the master answers: it may not be listening yet."""
        while not self._answered:
            self._runner.send_message(PREPARED)
            gevent.sleep(SAY_SECONDS)

    def _take(self, msg: Any, **_: Any) -> None:
        if not self._answered:
            self._answered = True
            self._begin(msgspec.convert(msg.data, Share))


class Master:
    """The side that shares out the plan and adds up; it brings no arrival itself.

    `lost` says which processes did not do their part: such a run is void.
    """

    def __init__(self, runner: MasterRunner, recording: Recording) -> None:
        self._runner, self._recording = runner, recording
        self._prepared: set[str] = set()
        self._lateness: dict[str, Recording] = {}
        self._processes: dict[str, Process] = {}
        self.confirmed: list[Confirmed] = []
        self.lost: list[str] = []
        runner.register_message(PREPARED, lambda msg, **_: self._prepared.add(msg.node_id))
        listeners: Any = runner.environment.events.worker_report
        listeners.add_listener(self._add)

    @property
    def processes(self) -> list[Process]:
        return sorted(self._processes.values(), key=lambda process: process.name)

    def run(self, profile: Profile, announce: Callable[[float], None]) -> None:
        """Share out the profile's plan, wait until every worker has brought its part, and end the run.

        `announce` is told when the plan begins, by `perf_counter`.
        """
        if self._await_workers():
            self._share_out(profile, announce)
            self._await_parts()
        if self.lost:
            log.error("; ".join(self.lost))
        self._runner.quit()

    def end(self) -> None:
        """Get what the workers have measured until now, for a run that was interrupted."""
        for worker, process in self._processes.items():
            if not process.finished:
                self._runner.send_message(END, None, worker)
        deadline = monotonic() + END_SECONDS
        while any(not each.finished for each in self._processes.values()) and monotonic() < deadline:
            gevent.sleep(0.1)

    def _await_workers(self) -> bool:
        deadline = monotonic() + PREPARE_SECONDS
        while monotonic() < deadline:
            workers = self._alive()
            if workers and workers <= self._prepared and self._runner.spawning_completed:
                return True
            gevent.sleep(0.1)
        count = self._runner.environment.parsed_options.expect_workers  # type: ignore[union-attr]
        prepared = len(self._prepared & self._alive())
        self.lost.append(f"only {prepared} of {count} processes of the generator were ready to begin")
        return False

    def _share_out(self, profile: Profile, announce: Callable[[float], None]) -> None:
        workers = sorted(self._alive())
        began = perf_counter() + LEAD_SECONDS
        for index, worker in enumerate(workers):
            self._processes[worker] = Process(f"{index + 1} of {len(workers)}")
            share = Share(profile, index, len(workers), began - perf_counter())
            self._runner.send_message(SHARE, msgspec.to_builtins(share), worker)
        announce(began)

    def _await_parts(self) -> None:
        began = monotonic()
        while not self.lost and any(not process.finished for process in self._processes.values()):
            gevent.sleep(0.1)
            alive = self._alive()
            self.lost += [
                f"process {process.name} of the generator was lost {monotonic() - began:.0f} s after the"
                " start: its arrivals did not come"
                for worker, process in self._processes.items()
                if not process.finished and worker not in alive
            ]

    def _alive(self) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}

    def _add(self, client_id: str, data: dict[str, Any]) -> None:
        told = msgspec.convert(data[KEY], Measured)
        self._recording.merge(told.recording)
        self.confirmed += told.confirmed
        own = self._lateness.setdefault(client_id, Recording())
        own.merge({"groups": {}, "intervals": {}, "lateness": told.recording["lateness"]})
        # Of a closed loop nothing was shared out.
        process = self._processes.setdefault(client_id, Process(str(len(self._processes) + 1)))
        process.processor = max(process.processor, told.processor)
        process.planned += sum(entry["planned"] for entry in told.recording["intervals"].values())
        process.lateness_p99 = read_percentile(own.lateness, 99)
        process.finished = told.finished
