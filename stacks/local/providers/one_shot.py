"""OneShot: a container that runs to its end once per release, and whose failure fails the update.

Docker's provider throws the exit status of an attached container away; here it decides.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from stacks.local.providers.base import Failure, Provider, changed, given, say

STEP_LABEL: Final = "storestack.step"
# Enough for a reason; the whole is in the log above it.
KEPT_LINES: Final = 3


class OneShotProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        run(props)
        return CreateResult(f"{props['stack']}/{props['step']}", given(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        run(news)
        return UpdateResult(given(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return changed(olds, news, "triggers")


def run(props: Mapping[str, Any]) -> None:
    """Run the step to its end. Raises Failure with its last lines when it fails or takes too long."""
    from docker.errors import APIError, ImageNotFound
    from docker.types import LogConfig, Mount

    from stacks.local.providers import engine

    client = engine.connect()
    stack, step, seconds = props["stack"], props["step"], int(props["seconds"])
    labels = {engine.STACK_LABEL: stack, engine.ROLE_LABEL: step, STEP_LABEL: step}
    # What an update that was killed left behind; the step itself must be safe to run again.
    engine.remove(client, f"{engine.STACK_LABEL}={stack}", f"{STEP_LABEL}={step}")
    networks = list(props["networks"])
    try:
        container = client.containers.create(
            props["image"],
            list(props["command"]),
            name=f"storestack-{stack}-{step}",
            labels=labels,
            user=props["user"],
            environment=dict(props["environment"]),
            network=networks[0],
            mounts=[
                Mount(target=path, source=volume, read_only=path not in props["writable"])
                for path, volume in props["volumes"].items()
            ],
            mem_limit=f"{int(props['memory_mb'])}m",
            memswap_limit=f"{int(props['memory_mb'])}m",
            init=True,
            log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "1"}),
            **engine.HARDENING,
        )
    except (APIError, ImageNotFound) as error:
        raise Failure(f"{step}: the container cannot be made: {error.explanation or error}") from None
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        container.kill()

    watch = threading.Timer(seconds, expire)
    lines: list[str] = []
    try:
        for network in networks[1:]:
            client.networks.get(network).connect(container)
        container.start()
        watch.start()
        pending = b""
        for chunk in container.logs(stream=True, follow=True):
            *complete, pending = (pending + chunk).split(b"\n")
            for raw in complete:
                lines.append(raw.decode(errors="replace").rstrip())
                say(step, lines[-1])
        code = container.wait(timeout=seconds)["StatusCode"]
    except APIError as error:
        raise Failure(f"{step}: the container cannot be started: {error.explanation or error}") from None
    finally:
        watch.cancel()
        container.remove(force=True, v=True)
    said = " | ".join(line for line in lines[-KEPT_LINES:] if line) or "(nothing)"
    if expired.is_set():
        raise Failure(
            f"{step}: stopped after {seconds} s, not done; nothing newer was started. It last said: {said}"
        )
    if code:
        raise Failure(
            f"{step}: failed with exit code {code}; nothing newer was started. It last said: {said}"
        )


class OneShot(Resource, module="storestack", name="OneShot"):
    """A step that runs again whenever `triggers` change."""

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        step: str,
        image: pulumi.Input[str],
        command: Sequence[str],
        environment: Mapping[str, pulumi.Input[str]],
        networks: Sequence[pulumi.Input[str]],
        volumes: Mapping[str, pulumi.Input[str]],
        writable: Sequence[str],
        user: str,
        memory_mb: int,
        seconds: int,
        triggers: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "stack": stack,
            "step": step,
            "image": image,
            "command": list(command),
            "environment": dict(environment),
            "networks": list(networks),
            "volumes": dict(volumes),
            "writable": list(writable),
            "user": user,
            "memory_mb": memory_mb,
            "seconds": seconds,
            "triggers": list(triggers),
        }
        super().__init__(OneShotProvider(), name, props, opts)
