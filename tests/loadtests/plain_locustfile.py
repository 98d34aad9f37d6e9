"""Locust on a planned server: one GET a visit, by open arrivals (`--arrivals` a second) or in a loop."""

from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from locust import events, task
from locust.exception import StopUser

from loadtests.arrivals import Finished
from loadtests.generator import Generator
from loadtests.profiles import Profile
from loadtests.session import LeanUser

generator = Generator(seed=None)


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    parser.add_argument("--arrivals", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--wait", type=float, default=0.01)
    parser.add_argument("--record", default="")


class Plain(LeanUser):
    """One request after the other, with `--wait` seconds between them in the closed loop."""

    intended: float | None = None

    def wait_time(self) -> float:
        return 0.0 if generator.open else float(self.environment.parsed_options.wait)

    def context(self) -> dict[str, Any]:
        return {"intended": self.intended}

    @task
    def get_one(self) -> None:
        if not generator.open:
            self._send()
            return
        try:
            self.intended = generator.arrivals.take()
        except Finished:
            raise StopUser from None
        try:
            self._send()
        finally:
            generator.arrivals.leave()

    def _send(self) -> None:
        with self.client.send("GET", "/"):
            """Any 2xx will do."""


@events.init.add_listener
def attach(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    generator.attach(environment.runner)
    if options.arrivals:
        generator.profile = Profile(
            name="plain",
            title="one GET a visit",
            seconds=options.seconds,
            rate=options.arrivals,
            shape=((0, 1), (1, 1)),
        )
    generator.ready()


@events.test_start.add_listener
def start(environment: Any, **_: Any) -> None:
    generator.open = bool(environment.parsed_options.arrivals)
    generator.start()


@events.request.add_listener
def note(response_time: float, exception: Any, context: dict[str, Any], **_: Any) -> None:
    seconds = response_time / 1000
    if context["intended"] is not None:
        seconds = perf_counter() - context["intended"]
    generator.recording.note_request("get", 0, seconds, str(exception) if exception else None)


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    if (document := generator.document()) is not None:
        Path(environment.parsed_options.record).write_bytes(msgspec.json.encode(document))
