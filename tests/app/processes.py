"""Runs the store's commands as real processes, and PostgreSQL and Redis as throwaway containers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
import httpx
from docker.models.containers import Container

ROOT = Path(__file__).parents[2]
START_SECONDS = 60

INITDB = (
    "initdb -D /tmp/data -U postgres -A trust >/dev/null"
    " && echo 'host all all all trust' >> /tmp/data/pg_hba.conf"
    " && exec postgres -D /tmp/data -c listen_addresses=* -c unix_socket_directories=/tmp"
    " -c max_connections=100 -c fsync=off"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """One `python -m …` with its own environment; the log is kept for the test that fails."""

    module: list[str]
    environ: Mapping[str, str]
    log: Path
    port: int
    running: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, ready: str = "/health/live") -> None:
        """Start and wait until it answers; raises with the log when it does not."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *self.module],
                cwd=ROOT,
                env={**os.environ, **self.environ, "PORT": str(self.port)},
                stdout=log,
                stderr=log,
            )
        self.running = process
        wait_until(
            lambda: process.poll() is not None or is_up(self.url + ready),
            lambda: f"{self.module} does not answer:\n{self.log.read_text()}",
        )
        assert process.poll() is None, f"{self.module} has ended:\n{self.log.read_text()}"

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal and wait; returns the exit code."""
        if self.running is None:
            return 0
        self.running.send_signal(number)
        code = self.running.wait(30)
        self.running = None
        return code

    def kill(self) -> None:
        """End at once, as a crash does."""
        self.stop(signal.SIGKILL)


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def wait_until(
    condition: Callable[[], bool], complaint: Callable[[], str], seconds: float = START_SECONDS
) -> None:
    """Poll until the condition holds; fails with the complaint after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.1)


@contextmanager
def throwaway_container(image: str, command: str, port: int) -> Iterator[str]:
    """Run the newest of the kit's images of this name; yields host:port. Raises LookupError without one."""
    client = docker.from_env()
    images = client.images.list(name=f"storestack/{image}")
    if not images:
        raise LookupError(f"no image storestack/{image}: `make up` builds it, or set the TEST_… addresses")
    container: Container = client.containers.run(
        images[0],
        ["sh", "-c", command],
        detach=True,
        remove=True,
        ports={f"{port}/tcp": ("127.0.0.1", None)},
        tmpfs={"/tmp": "mode=1777,size=1g"},  # noqa: S108
        labels={"storestack.test": "app"},
    )
    try:
        wait_until(lambda: _published(container, port) is not None, lambda: f"{image} publishes no port")
        yield f"127.0.0.1:{_published(container, port)}"
    finally:
        container.kill()


def _published(container: Container, port: int) -> str | None:
    container.reload()
    bound = container.ports.get(f"{port}/tcp")
    return str(bound[0]["HostPort"]) if bound else None
