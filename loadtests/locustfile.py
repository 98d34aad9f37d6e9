"""The shoppers as Locust knows them: `locust -f loadtests/locustfile.py --stack local`, with its web UI.

Without --arrivals the users are Locust's own closed loop. With it arrivals are open: the users are the pool
that serves them. `make load` runs this file and judges what it recorded.
"""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from time import perf_counter
from typing import Any

import gevent
import msgspec
import psutil
from locust import events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import LocalRunner, Runner

from loadtests.arrivals import Finished, OpenArrivals
from loadtests.catalogue import read_shelf
from loadtests.profiles import Profile, read_profile
from loadtests.recording import Recording
from loadtests.shoppers import VISITS, Visitor, Weights
from loadtests.target import TargetError, read_target

ROOT = Path(__file__).parent
# Poisson arrivals from one seed: two runs of a profile bring the same visits at the same times.
SEED = 20_26


class Load:
    """What one process knows of the run."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.profile: Profile | None = None
        self.arrivals: OpenArrivals | None = None
        self.began = perf_counter()
        # The highest share of one core that any process of the generator used over a second.
        self.processor = 0.0


load = Load()


class Shopper(Visitor):
    """Visits as they arrive; in the closed loop, one after the other."""

    @task
    def shop(self) -> None:
        if load.arrivals is None:
            self.visit()
            return
        try:
            self.intended = load.arrivals.take()
        except Finished:
            raise StopUser from None
        try:
            self.visit()
        finally:
            load.arrivals.leave()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--stack", default="local", help="the stack to load, as `make up` made it")
    parser.add_argument("--arrivals", default="", help="open arrivals by this profile; empty: a closed loop")
    parser.add_argument("--rate", type=float, default=0.0, help="visits per second; 0: the profile's")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of the run; 0: the profile's")
    parser.add_argument("--record", default="", help="write what was measured to this JSON file")


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None  # noqa: S101  # Locust parses them before it fires this
    runner = environment.runner
    try:
        Visitor.target = read_target(options.stack)
        if options.arrivals and not isinstance(runner, LocalRunner):
            raise ValueError(
                "open arrivals are brought by one process: leave out --processes, --master, --worker"
            )
        if options.arrivals:
            load.profile = read_profile(
                options.arrivals, rate=options.rate or None, seconds=options.seconds or None
            )
            load.arrivals = OpenArrivals(load.recording.note_arrival)
        Visitor.weights = read_weights(load.profile)
        Visitor.shelf = read_shelf(Visitor.target, variants=load.profile.variants if load.profile else None)
    except (TargetError, ValueError, msgspec.ValidationError) as error:
        raise SystemExit(f"error: {error}") from None
    environment.host = Visitor.target.url


def read_weights(profile: Profile | None) -> Weights:
    """The mix of mix.toml, with what the profile says otherwise. Raises ValueError."""
    mix = tomllib.loads((ROOT / "mix.toml").read_text())
    visits = {**mix["visits"], **(profile.visits if profile else {})}
    if unknown := set(visits) - set(VISITS):
        raise ValueError(f"visits {', '.join(sorted(unknown))}: there are {', '.join(VISITS)}")
    own_pace = profile.think_seconds if profile else None
    return Weights(
        visits=visits,
        payments={**mix["payments"], **(profile.payments if profile else {})},
        think_seconds=mix["pace"]["think_seconds"] if own_pace is None else own_pace,
        terms=mix["search"]["terms"],
    )


@events.test_start.add_listener
def start(environment: Environment, **_: Any) -> None:
    load.began = perf_counter()
    gevent.spawn(watch_processor)
    runner, options = environment.runner, environment.parsed_options
    if load.profile is None or runner is None or options is None:
        return
    # By then the pool of users is there.
    load.began = perf_counter() + options.num_users / options.spawn_rate + 2
    if options.record:
        # For who brings about the profile's faults: when its seconds begin to count.
        Path(options.record).with_suffix(".began").write_text(str(time.time() - perf_counter() + load.began))
    gevent.spawn(run_arrivals, runner)


def run_arrivals(runner: Runner) -> None:
    """Bring the profile's arrivals, then end the run."""
    assert load.arrivals is not None and load.profile is not None  # noqa: S101, PT018
    load.arrivals.run(load.profile.curve.arrivals(SEED), load.began)
    runner.quit()


@events.request.add_listener
def note_request(
    name: str, response_time: float, exception: Exception | None, context: dict[str, Any], **_: Any
) -> None:
    seconds, began = response_time / 1000, perf_counter() - response_time / 1000
    intended = context.get("intended")
    if intended is not None:
        seconds += began - intended
        began = intended
    failure = f"{name}: {exception}" if exception else None
    load.recording.note_request(context.get("group", name), began - load.began, seconds, failure)


def watch_processor() -> None:
    """Note how much of its core this process uses: a generator without time measures itself."""
    process = psutil.Process()
    process.cpu_percent()
    while True:
        gevent.sleep(1)
        load.processor = max(load.processor, process.cpu_percent() / 100)


@events.quitting.add_listener
def write(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is None or not options.record:
        return
    document = {
        "recording": load.recording.drain(),
        "confirmed": Visitor.shelf.confirmed,
        "processor": load.processor,
        "began": time.time() - perf_counter() + load.began,
    }
    Path(options.record).write_bytes(msgspec.json.encode(document))
