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

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 60

# One shell line per image: no file of the stack's is needed, nothing outlives the container.
DATABASE = (
    "initdb -D /tmp/data -U postgres -A trust >/dev/null && exec postgres -D /tmp/data -c port={port}"
    " -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c max_connections=100 -c fsync=off"
)
CACHE = "exec redis-server --port {port} --bind 127.0.0.1 --save '' --dir /tmp"
# The settings that matter to the store are those of the stack: transaction pooling with prepared statements.
POOLER = (
    "printf '[databases]\\n* = host=127.0.0.1 port={database}\\n[pgbouncer]\\nlisten_addr = 127.0.0.1\\n"
    "listen_port = {port}\\nunix_socket_dir =\\npool_mode = transaction\\nmax_prepared_statements = 200\\n"
    "default_pool_size = 10\\nmax_client_conn = 200\\nauth_type = trust\\nauth_file = /tmp/users\\n'"
    ' > /tmp/ini && echo \'"store" ""\' > /tmp/users && exec pgbouncer /tmp/ini'
)


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
def throwaway_container(image: str, command: str, *, tmpfs: str = "/tmp", **ports: int) -> Iterator[int]:  # noqa: S108
    """Run the newest of the kit's images of this name on a free port of 127.0.0.1, and yield the port.

    Raises LookupError without such an image.
    """
    client = docker.from_env()
    images = client.images.list(name=f"storestack/{image}")
    if not images:
        raise LookupError(f"no image storestack/{image}: `make up` builds it, or set the TEST_… addresses")
    port = free_port()
    container = client.containers.run(
        str(images[0].id),
        ["sh", "-c", command.format(port=port, **ports)],
        detach=True,
        network_mode="host",
        tmpfs={tmpfs: "mode=1777,size=8g"},
        labels={"storestack.test": "app"},
    )
    try:
        wait_until(
            lambda: is_listening(port), lambda: f"{image} does not start:\n{container.logs().decode()}"
        )
        yield port
    finally:
        container.remove(force=True)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
