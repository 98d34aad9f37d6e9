"""What a killed update leaves behind: its lock, its unfinished operations, containers no state knows of."""

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import APIError, NotFound

from ci.deployment import PROJECT, STATE, DeploymentError, ask, run
from ci.toolchain.cache import CHECKOUT

LABEL: Final = "storestack.stack"
VOLUME: Final = "docker:index/volume:Volume"
ENGINE_TYPES: Final = ("docker:index/container:Container", "docker:index/network:Network", VOLUME)
FILES: Final = "pulumi-python:dynamic/storestack:VolumeFiles"
ADMISSION: Final = "pulumi-python:dynamic/storestack:Admission"
# An update that was interrupted finishes what it is at before it lets go of the lock: containers that it
# waits for have their `store:ready_seconds`.
PATIENCE_SECONDS: Final = 150


def locks(stack: str) -> list[dict[str, Any]]:
    """The locks on a stack in a backend of files; other backends keep theirs themselves."""
    root = backend()
    if root is None:
        return []
    folder = root / "locks" / "organization" / PROJECT / stack
    return [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]


def backend() -> Path | None:
    """The folder of a backend of files; None for any other kind."""
    url = os.environ.get("PULUMI_BACKEND_URL", "")
    if url and not url.startswith("file://"):
        return None
    root = Path(url.removeprefix("file://")).expanduser() if url else STATE
    return CHECKOUT / root / ".pulumi"


def forget(stack: str) -> None:
    """Remove what a backend of files keeps of a removed stack: its history and copies of its last state."""
    root = backend()
    if root is None:
        return
    for kind in ("history", "backups", "locks/organization"):
        shutil.rmtree(root / kind / PROJECT / stack, ignore_errors=True)
    for copy in (root / "stacks" / PROJECT).glob(f"{stack}.json*"):
        copy.unlink()


def is_alive(lock: dict[str, Any]) -> bool:
    """Whether the update that holds a lock still runs. One on another machine counts as running."""
    if lock.get("hostname") != socket.gethostname():
        return True
    try:
        command = Path(f"/proc/{lock['pid']}/cmdline").read_bytes()
    except OSError:
        return False
    # After a reboot another program may have the number.
    return b"pulumi" in command


def unlock(stack: str) -> None:
    """Take away the lock of an update that is no more. Raises DeploymentError while one still runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while found := locks(stack):
        alive = [lock for lock in found if is_alive(lock)]
        if not alive:
            print("  an update was killed here before: its lock is taken away")
            ask("cancel", "--yes", "--stack", stack)
            break
        if time.monotonic() > deadline:
            raise DeploymentError(
                f"another update of {stack} runs (process {alive[0]['pid']} on {alive[0]['hostname']}):"
                " wait for its end, or stop it with Ctrl-C"
            )
        time.sleep(1)


def silence() -> list[int]:
    """End the dynamic providers that outlived their engine: one would write into what a later update does.

    Each has its engine's address as its last argument, where nobody answers any more.
    """
    ended = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if words[0].startswith(str(CHECKOUT)) and "pulumi.dynamic" in words and not answers(words[-1]):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(file.parent.name), signal.SIGKILL)
                ended.append(int(file.parent.name))
    return ended


def answers(address: str) -> bool:
    """Whether someone listens at `host:port`; what is no address counts as one, and is left alone."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return True
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def settle(stack: str) -> list[dict[str, Any]]:
    """Forget operations that were begun and never finished; the resources that are left in state.

    What such an operation made is removed by `sweep`, so that the next update makes it again.
    """
    state = json.loads(ask("stack", "export", "--stack", stack))
    if state["deployment"].pop("pending_operations", None):
        print("  an update was killed here before: what it had not finished is made again")
        file = STATE / stack / "settled.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(state), encoding="utf-8")
        ask("stack", "import", "--stack", stack, "--file", str(file))
        file.unlink()
    return list(state["deployment"].get("resources") or [])


def refresh(stack: str, client: docker.DockerClient, resources: list[dict[str, Any]]) -> None:
    """Let the state know of containers, networks and volumes that someone removed behind its back."""
    there = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
    there |= {network.id for network in client.networks.list()}
    there |= {volume.name for volume in client.volumes.list()}
    held = [r for r in resources if r["type"] in ENGINE_TYPES and not r.get("delete")]
    gone = [resource for resource in held if resource.get("id") not in there]
    if not gone:
        return
    for resource in gone:
        print(f"  {resource['urn'].rsplit('::', 1)[1]} was removed from the engine: it is made again")
    targets = [resource["urn"] for resource in gone]
    if any(resource["type"] == VOLUME for resource in gone):
        targets += [resource["urn"] for resource in resources if resource["type"] == FILES]
    run(stack, "refresh", *(argument for urn in targets for argument in ("--target", urn)))


def is_refused(resource: dict[str, Any], admitted: set[str]) -> bool:
    """Whether this is a web container of a failed release: to be deleted, and never admitted or no longer."""
    name = str(resource.get("outputs", {}).get("name", ""))
    return bool(resource.get("delete")) and "-web-" in name and name not in admitted


def sweep(stack: str, client: docker.DockerClient, resources: list[dict[str, Any]]) -> None:
    """Remove containers and networks that carry the stack's label but that no finished update uses."""
    admitted = {name for r in resources if r["type"] == ADMISSION for name in r["outputs"].get("servers", [])}
    known = {r.get("id") for r in resources if not is_refused(r, admitted)}
    for container in client.containers.list(
        all=True, filters={"label": f"{LABEL}={stack}"}, ignore_removed=True
    ):
        if container.id not in known:
            print(f"  removed container {container.name}, which no finished update uses")
            try:
                container.remove(force=True, v=True)
            except NotFound:
                continue
    for network in client.networks.list(filters={"label": f"{LABEL}={stack}"}):
        if network.id not in known:
            try:
                network.remove()
            except APIError as error:
                raise DeploymentError(
                    f"network {network.name} cannot be removed: {error.explanation}"
                ) from None
