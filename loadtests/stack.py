"""A running local stack as tests and load see it: outputs, containers, and shoppers with addresses."""

import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import docker
import httpx
from docker.models.containers import Container

from ci import deployment, outputs
from loadtests.target import Target

ROOT = Path(__file__).parent.parent


def pulumi(stack: str, *args: str) -> str:
    """Runs the Pulumi CLI on a stack and returns what it printed; raises `DeploymentError` if it fails."""
    return deployment.ask(*args, "--stack", stack)


def make(verb: str, stack: str, *settings: str) -> subprocess.CompletedProcess[str]:
    """Runs one of the Makefile's verbs on a stack; the caller judges the exit code."""
    command = ["make", "--no-print-directory", verb, f"STACK={stack}", *settings]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


@dataclass(frozen=True)
class Stack:
    """One running stack: where it answers, whom it trusts, what it consists of."""

    name: str
    outputs: dict[str, Any]
    engine: docker.DockerClient

    @property
    def url(self) -> str:
        return str(self.outputs["url"]).rstrip("/")

    @cached_property
    def target(self) -> Target:
        outputs = self.outputs
        return Target(self.url, str(outputs.get("ca_certificate") or ""), outputs["shopper_key"])

    @property
    def trust(self) -> ssl.SSLContext:
        return self.target.trust

    def containers(self, role: str | None = None) -> list[Container]:
        """Running containers of the stack, those of one role if named, oldest first."""
        labels = [f"storestack.stack={self.name}"] + ([f"storestack.role={role}"] if role else [])
        found = self.engine.containers.list(filters={"label": labels})
        return sorted(found, key=lambda container: str(container.attrs["Created"]))

    def container(self, role: str) -> Container:
        (only,) = self.containers(role)
        return only

    def run(self, role: str, command: Sequence[str]) -> str:
        """What a command prints in the first container of a role; raises `RuntimeError` if it fails.

        Its errors are read apart: mixed, one may come between a word and the end of its line.
        """
        outcome = self.containers(role)[0].exec_run(list(command), demux=True)
        output = cast(tuple[bytes | None, bytes | None], outcome.output)
        printed, errors = ((part or b"").decode() for part in output)
        if outcome.exit_code != 0:
            raise RuntimeError(
                f"{' '.join(command)} in {role} ended with {outcome.exit_code}: {printed}{errors}"
            )
        return printed

    def shopper(self, address: str) -> dict[str, str]:
        """Headers that make the edge count the request as one from `address`."""
        return self.target.sign(address)

    def client(self, address: str = "198.51.100.1", **options: Any) -> httpx.Client:
        """A shopper with an address of their own; redirects are followed only where the caller says so."""
        return httpx.Client(
            base_url=self.url, verify=self.trust, headers=self.shopper(address), timeout=10, **options
        )


def find_stack(name: str) -> Stack:
    """The running stack of that name; raises `DeploymentError` where Pulumi knows no such stack."""
    return Stack(name, outputs.read(name, secrets=True), docker.from_env())
