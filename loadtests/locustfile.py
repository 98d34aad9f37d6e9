"""The shoppers as Locust knows them: `locust -f loadtests/locustfile.py --stack local`, with its web UI.

Without --arrivals the users are Locust's own closed loop. With it arrivals are open: the users are the pool
that serves them. `make load` runs this file and judges what it recorded.
"""

from __future__ import annotations

import time
import tomllib
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from locust import events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner

from loadtests.arrivals import Finished
from loadtests.catalogue import read_shelf
from loadtests.distribution import Share
from loadtests.generator import Generator
from loadtests.partners import PARTNERS, bring_partners
from loadtests.profiles import Profile, read_profile
from loadtests.shoppers import VISITS, Customer, Weights
from loadtests.target import TargetError, read_target
from loadtests.visitor import Visitor

ROOT = Path(__file__).parent


generator = Generator()


class Shopper(Customer):
    """Visits as they arrive; in the closed loop, one after the other."""

    @task
    def shop(self) -> None:
        if not generator.open:
            self.visit()
            return
        try:
            self.intended = generator.arrivals.take()
        except Finished:
            raise StopUser from None
        try:
            self.visit()
        finally:
            generator.arrivals.leave()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--stack", default="local", help="the stack to load, as `make up` made it")
    parser.add_argument("--arrivals", default="", help="open arrivals by this profile; empty: a closed loop")
    parser.add_argument("--mix", default="", help="a closed loop with this profile's shoppers")
    parser.add_argument("--warm-up", type=float, default=0.0, help="seconds that are not recorded")
    parser.add_argument("--rate", type=float, default=0.0, help="visits per second; 0: the profile's")
    parser.add_argument("--seconds", type=float, default=0.0, help="length of the run; 0: the profile's")
    parser.add_argument("--record", default="", help="write what was measured to this JSON file")


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None  # noqa: S101  # Locust parses them before it fires this
    generator.attach(environment.runner, lambda share: begin_share(share, environment))
    try:
        Visitor.target = read_target(options.stack)
        if options.arrivals:
            generator.profile = read_profile(
                options.arrivals, rate=options.rate or None, seconds=options.seconds or None
            )
            generator.recording.slice_seconds = generator.profile.slice_seconds
        mix = read_profile(options.mix) if options.mix else None
        Customer.weights = read_weights(generator.profile or mix)
        generator.warm_up = options.warm_up
        # A master makes no visit.
        if not isinstance(environment.runner, MasterRunner):
            Customer.shelf = read_shelf(Visitor.target)
    except (TargetError, ValueError, msgspec.ValidationError) as error:
        raise SystemExit(f"error: {error}") from None
    Customer.shelf.confirmed = generator.confirmed
    environment.host = Visitor.target.url
    generator.ready()


def begin_share(share: Share, environment: Environment) -> None:
    """Be shoppers of the profile, each with an address of no other process, and some of the partners."""
    generator.recording.slice_seconds = share.profile.slice_seconds
    Customer.weights = read_weights(share.profile)
    Customer.shelf.variants = Customer.shelf.variants[: share.profile.variants]
    Visitor.numbers = count(share.index, share.count)
    bring_partners(environment, {name: rate / share.count for name, rate in read_partners().items()})


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
        typos=mix["search"]["typos"],
        pages=mix["checkout"]["pages"],
        another_card=mix["checkout"]["another_card"],
    )


def read_partners() -> dict[str, float]:
    """Visits a second by partner. Raises ValueError."""
    rates: dict[str, float] = tomllib.loads((ROOT / "mix.toml").read_text())["beside"]
    if unknown := set(rates) - set(PARTNERS):
        raise ValueError(f"beside the shoppers {', '.join(sorted(unknown))}: there are {', '.join(PARTNERS)}")
    return rates


@events.test_start.add_listener
def start(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    assert options is not None  # noqa: S101
    generator.open = bool(options.arrivals)

    def announce(began: float) -> None:
        """For who brings about the profile's faults: when its seconds begin to count."""
        if options.record:
            Path(options.record).with_suffix(".began").write_text(str(time.time() - perf_counter() + began))

    generator.start(announce)


@events.request.add_listener
def note_request(
    name: str, response_time: float, exception: Exception | None, context: dict[str, Any], **_: Any
) -> None:
    seconds, began = response_time / 1000, perf_counter() - response_time / 1000
    intended = context.get("intended")
    if intended is not None:
        seconds += began - intended
        began = intended
    second = began - generator.began
    if second >= generator.warm_up or generator.open:
        failure = f"{name}: {exception}" if exception else None
        generator.recording.note_request(context.get("group", name), second, seconds, failure)


@events.quitting.add_listener
def write(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is None or not options.record:
        return
    if (document := generator.document()) is not None:
        Path(options.record).write_bytes(msgspec.json.encode(document))
