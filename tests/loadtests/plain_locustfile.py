"""Locust on a planned server: one GET a visit, by open arrivals (`--arrivals` a second) or in a loop."""

from pathlib import Path
from time import perf_counter
from typing import Any

import gevent
import msgspec
from locust import FastHttpUser, constant, events, task
from locust.exception import StopUser

from loadtests.arrivals import Finished, OpenArrivals, RateCurve
from loadtests.recording import Recording

recording = Recording()
arrivals = OpenArrivals(recording.note_arrival)


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    parser.add_argument("--arrivals", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--record", default="")


class Plain(FastHttpUser):
    """One request after the other, with 10 ms between them in the closed loop."""

    wait_time = constant(0.01)
    intended: float | None = None

    def context(self) -> dict[str, Any]:
        return {"intended": self.intended}

    @task
    def get_one(self) -> None:
        if not self.environment.parsed_options.arrivals:
            self.client.get("/")
            return
        try:
            self.intended = arrivals.take()
        except Finished:
            raise StopUser from None
        try:
            self.client.get("/")
        finally:
            arrivals.leave()


@events.test_start.add_listener
def start(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    if options.arrivals:
        curve = RateCurve(((0, options.arrivals), (options.seconds, options.arrivals)))
        at = perf_counter() + options.num_users / options.spawn_rate + 1

        def run() -> None:
            arrivals.run(curve.arrivals(), at)
            environment.runner.quit()

        gevent.spawn(run)


@events.request.add_listener
def note(response_time: float, exception: Any, context: dict[str, Any], **_: Any) -> None:
    seconds = response_time / 1000
    if context["intended"] is not None:
        seconds = perf_counter() - context["intended"]
    recording.note_request("get", 0, seconds, str(exception) if exception else None)


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    Path(environment.parsed_options.record).write_bytes(msgspec.json.encode(recording.drain()))
