"""Samples what the stack's containers use while a run goes on, once a second, on the run's time axis."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker.errors import DockerException
from docker.models.containers import Container

from loadtests.stack import Stack


class Sampler:
    """Cores and memory by role. `seconds[i]` is when the i-th of each were read; memory in bytes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._readings: list[tuple[float, dict[str, float], dict[str, float]]] = []
        self._before: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def since(self, began: float) -> dict[str, Any]:
        """The samples from `began` (by `time.time`) on."""
        readings = [reading for reading in self._readings if reading[0] >= began]
        roles = sorted({role for _, cores, _ in readings for role in cores})
        return {
            "seconds": [round(at - began, 1) for at, _, _ in readings],
            "cores": {role: [round(cores.get(role, 0.0), 3) for _, cores, _ in readings] for role in roles},
            "memory": {role: [memory.get(role, 0.0) for _, _, memory in readings] for role in roles},
        }

    def _sample(self) -> None:
        while not self._ending.wait(1):
            cores: defaultdict[str, float] = defaultdict(float)
            memory: defaultdict[str, float] = defaultdict(float)
            containers = self._stack.containers()
            # The engine takes its time for each answer.
            with ThreadPoolExecutor(len(containers) or 1) as pool:
                for container, reading in zip(containers, pool.map(self._read, containers), strict=True):
                    if reading:
                        cores[container.labels["storestack.role"]] += reading[0]
                        memory[container.labels["storestack.role"]] += reading[1]
            self._readings.append((time.time(), dict(cores), dict(memory)))

    def _read(self, container: Container) -> tuple[float, float] | None:
        """Cores since the last reading, and bytes; None for a container that a release has just removed."""
        try:
            stats = self._stack.engine.api.stats(str(container.id), stream=False, one_shot=True)
            processor, size = (
                stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
                stats["memory_stats"]["usage"],
            )
        except (DockerException, KeyError):
            return None
        now = time.monotonic()
        before, then = self._before.get(str(container.id), (processor, now))
        self._before[str(container.id)] = (processor, now)
        used = (processor - before) / (now - then) if now > then else 0.0
        return used, float(size)
