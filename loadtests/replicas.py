"""`replicas`: throughput with 1, 2, 3, 4, 6 web containers of the same small share of a core each.

A closed loop without pauses, with as many users for each container, saturates them; the orders a minute
that come through are X(N). The sizes are measured in turn, forth and back, as often as asked, so that what
else goes on in the machine meets all of them alike. The stack is changed by its settings and `make up`, as
anybody would, and put back as it was whatever ends the study.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import yaml

from ci import environments
from loadtests.objectives import MOST_PROCESSOR
from loadtests.profiles import Profile, Replicas
from loadtests.recording import Confirmed, Recording
from loadtests.run import GRACE_SECONDS, ROOT, SPAWN_RATE, Unready
from loadtests.stack import Stack, make

# Pages that the edge answers from its cache say nothing of the containers behind it.
CACHED = {"home", "collection", "product", "search"}
UP_SECONDS = 90


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One size, measured once: requests that web containers answered, and orders, per second."""

    size: int
    requests: float
    orders: float
    failed: int
    processor: float
    core_seconds: dict[str, float]


class Study(msgspec.Struct, kw_only=True):
    """All that was measured, in order."""

    measurements: list[Measurement]
    recording: Recording
    confirmed: list[Confirmed]

    @property
    def points(self) -> list[tuple[float, float]]:
        """Orders a minute by size: by requests, of which there are more, and the orders in all requests."""
        requests = sum(each.requests for each in self.measurements)
        share = sum(each.orders for each in self.measurements) / requests if requests else 0.0
        return [(float(each.size), 60 * share * each.requests) for each in self.measurements]

    @property
    def core_seconds(self) -> dict[str, float]:
        """Core seconds of one order by role, over all measurements."""
        roles = {role for each in self.measurements for role in each.core_seconds}
        orders = len(self.confirmed)
        return {
            role: sum(each.core_seconds.get(role, 0.0) for each in self.measurements) / orders
            for role in sorted(roles)
            if orders
        }


def list_sizes(plan: Replicas) -> list[int]:
    """The sizes in the order of their measurement: forth and back, so that few changes are needed."""
    return [
        size for turn in range(plan.repeats) for size in (plan.sizes if turn % 2 == 0 else plan.sizes[::-1])
    ]


def announce(plan: Replicas, seconds: float) -> str:
    """How long it takes, said before it begins."""
    sizes = list_sizes(plan)
    changes = 2 + sum(first != second for first, second in pairwise(sizes))
    minutes = (changes * UP_SECONDS + len(sizes) * (seconds + 15)) / 60
    return (
        f"measuring {len(sizes)} times: {', '.join(map(str, plan.sizes))} web containers of {plan.cpus:g}"
        f" cores, {plan.repeats} times each, {changes} changes of the stack, about {minutes:.0f} min"
    )


def measure_all(profile: Profile, plan: Replicas, stack: Stack, stop: Event) -> Study:
    """Measure every size as often as asked; the stack is afterwards as it was. Raises Unready."""
    print(announce(plan, profile.seconds), flush=True)
    study = Study(measurements=[], recording=Recording(), confirmed=[])
    with changed_stack(environments.path(stack.name), lambda: _bring_up(stack.name)) as change:
        for size in list_sizes(plan):
            if stop.is_set():
                break
            change({"store:web": str(size), "store:web_cpus": f"{plan.cpus:g}"})
            study.measurements.append(_measure(profile, plan, stack, size, study))
            last = study.measurements[-1]
            print(
                f"{size} web containers: {last.orders * 60:.0f} orders a minute, {last.failed} failed",
                flush=True,
            )
    return study


@contextmanager
def changed_stack(settings: Path, up: Callable[[], None]) -> Iterator[Callable[[dict[str, str]], None]]:
    """Change single keys of a stack's settings and bring it up so; put back as it was in the end."""
    before = settings.read_bytes()
    current: dict[str, str] = {}

    def change(keys: dict[str, str]) -> None:
        if keys == current:
            return
        document: dict[str, Any] = yaml.safe_load(before) or {}
        document["config"] = {**(document.get("config") or {}), **keys}
        settings.write_text(yaml.safe_dump(document, sort_keys=False))
        current.update(keys)
        up()

    try:
        yield change
    finally:
        if current:
            settings.write_bytes(before)
            print(f"putting the stack back to what {settings.name} says", flush=True)
            up()


def _bring_up(stack: str) -> None:
    outcome = make("up", stack)
    if outcome.returncode != 0:
        lines = [line for line in (outcome.stderr + outcome.stdout).splitlines() if "error" in line]
        raise Unready(f"`make up STACK={stack}` failed: {' '.join(lines[:3])}")


def _measure(profile: Profile, plan: Replicas, stack: Stack, size: int, study: Study) -> Measurement:
    before = _read_cores(stack)
    with tempfile.TemporaryDirectory() as folder:
        document = _saturate(profile, plan, stack, size, Path(folder) / "record.json")
    after = _read_cores(stack)
    recording = Recording()
    recording.merge(document["recording"])
    study.recording.merge(document["recording"])
    study.confirmed += [Confirmed(*entry) for entry in document["confirmed"]]
    groups = {name: group for name, group in recording.groups.items() if name not in CACHED}
    order = groups.get("order")
    seconds = profile.seconds - plan.warm_up
    return Measurement(
        size=size,
        requests=sum(group.count - group.failed for group in groups.values()) / seconds,
        orders=(order.count - order.failed) / seconds if order else 0.0,
        failed=sum(group.failed for group in recording.groups.values()),
        processor=float(document["processor"]),
        core_seconds={role: after[role] - before.get(role, 0.0) for role in after},
    )


def _saturate(profile: Profile, plan: Replicas, stack: Stack, size: int, record: Path) -> dict[str, Any]:
    """Run Locust's closed loop with so many users for each container; what it recorded."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"]
    command += ["--stack", stack.name, "--mix", profile.name, "--warm-up", str(plan.warm_up)]
    command += ["-t", f"{profile.seconds:g}s", "--record", str(record), "--only-summary"]
    command += ["-u", str(plan.users * size), "-r", str(SPAWN_RATE), "--loglevel", "WARNING"]
    log = record.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(profile.seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Unready(f"the generator did not end within {GRACE_SECONDS} s of its time") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if not record.exists():
        lines = [line for line in log.read_text().splitlines() if line.strip()]
        raise Unready(lines[-1].removeprefix("error: ") if lines else "Locust ended without a word")
    document: dict[str, Any] = msgspec.json.decode(record.read_bytes())
    return document


def _read_cores(stack: Stack) -> dict[str, float]:
    """Core seconds that each role's running containers have used since their start."""
    used: dict[str, float] = {}
    for container in stack.containers():
        stats = stack.engine.api.stats(str(container.id), stream=False, one_shot=True)
        role = container.labels["storestack.role"]
        used[role] = used.get(role, 0.0) + stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    return used


def find_voids(study: Study) -> list[str]:
    """Why the throughputs are the generator's and not the store's, if so."""
    busiest = max((each.processor for each in study.measurements), default=0.0)
    if busiest > MOST_PROCESSOR:
        return [
            f"the generator used {busiest:.0%} of its core (more than {MOST_PROCESSOR:.0%}): give the web"
            " containers a smaller share (replicas.cpus in profiles.toml)"
        ]
    return []
