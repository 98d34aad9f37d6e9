"""Brings about a profile's faults while visits come, and undoes them whatever ends the run.

Each fault has a thread of its own. What it did is undone there, in a `finally`: at the fault's end, or as
soon as the run is over, interrupted or broken. A fault of the test gateway also ends by itself, should this
process be killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docker.errors import DockerException
from docker.models.containers import Container

from loadtests.profiles import Fault, Kind, Mark
from loadtests.releases import Trial
from loadtests.stack import Stack

# A container that was started again must be healthy by then.
HEALED_SECONDS = 120.0
# The gateway ends its own fault so much after the run would have.
MARGIN_SECONDS = 15.0


class Drill:
    """The faults of one run: prepared on entering, brought about from `begin` on, undone on leaving."""

    def __init__(self, stack: Stack, faults: tuple[Fault, ...], seconds: float) -> None:
        self._stack, self._faults, self._seconds = stack, faults, seconds
        self._trial = Trial(stack) if any(fault.kind is Kind.RELEASE for fault in faults) else None
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self.marks: list[Mark] = []

    def __enter__(self) -> Drill:
        if self._trial:
            self._trial.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if self._trial:
            self._trial.remove()

    def begin(self, began: float) -> None:
        """Count the faults' times from `began`, by `time.time`."""
        for fault in self._faults:
            thread = threading.Thread(target=self._carry_out, args=(fault, began), name=fault.title)
            thread.start()
            self._threads.append(thread)

    def _carry_out(self, fault: Fault, began: float) -> None:
        if self._ending.wait(began + fault.start * self._seconds - time.time()):
            return
        mark = Mark(
            title=fault.title,
            begin=time.time() - began,
            end=0.0,
            error_rate=fault.error_rate,
            recovery=fault.recovery,
        )
        print(f"\n{fault.title}", flush=True)
        try:
            with self._break(fault):
                if fault.kind is Kind.RELEASE:
                    # The release is over; the way back is not the shoppers' business.
                    mark.end = time.time() - began
                    self._ending.wait()
                else:
                    self._ending.wait(began + (fault.start + fault.length) * self._seconds - time.time())
        except Exception as error:  # whatever it was belongs into the report
            mark.problem = f"{type(error).__name__}: {error}"[-1000:]
        mark.end = mark.end or time.time() - began
        self.marks.append(mark)

    @contextmanager
    def _break(self, fault: Fault) -> Iterator[None]:
        stack = self._stack
        if fault.kind is Kind.GATEWAY:
            try:
                seconds = fault.length * self._seconds + MARGIN_SECONDS
                set_gateway(stack, {**fault.gateway, "seconds": seconds})
                yield
            finally:
                reset_gateway(stack)
        elif fault.kind is Kind.KILL:
            container = stack.containers(fault.role)[0]
            try:
                container.kill()
                yield
            finally:
                # What was killed by its engine is not started by it again.
                container.start()
                await_health(container)
        else:
            assert self._trial is not None  # noqa: S101  # made with the drill
            with self._trial.released():
                yield


def set_gateway(stack: Stack, faults: dict[str, float | bool]) -> dict[str, Any]:
    """Make the test gateway fail; returns what is in force. Raises RuntimeError if it refuses."""
    options = []
    for name, value in faults.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            options += [option]
        elif value is not False:
            options += [option, f"{value:g}"]
    return _fault(stack, "set", *options)


def show_gateway(stack: Stack) -> dict[str, Any]:
    """The faults in force, empty if none."""
    return _fault(stack, "show")


def reset_gateway(stack: Stack) -> None:
    """End every fault of the test gateway."""
    _fault(stack, "reset")


def _fault(stack: Stack, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        stack.run("gateway", ["python", "-m", "app.gateway", "fault", *arguments])
    )
    return document


def await_health(container: Container, seconds: float = HEALED_SECONDS) -> None:
    """Wait until the container runs and is healthy. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not _is_healthy(container):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{container.name} was not healthy {seconds:g} s after it was started again")
        time.sleep(0.2)


def _is_healthy(container: Container) -> bool:
    try:
        container.reload()
    except DockerException:
        return False
    state = container.attrs["State"]
    return bool(state["Running"]) and state.get("Health", {}).get("Status", "healthy") == "healthy"
