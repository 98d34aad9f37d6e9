"""The few things the dynamic providers do with Docker itself: throwaway containers and files in volumes.

A preview needs none of them: it imports this module, and the client it takes half a second to load, never.
"""

import io
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import docker
from docker.errors import DockerException, ImageNotFound, NotFound
from docker.types import Mount
from requests.exceptions import RequestException

from stacks.local.providers.base import Failure
from stacks.local.providers.files import Volume, archive

if TYPE_CHECKING:
    from docker.models.containers import Container

STACK_LABEL: Final = "storestack.stack"
ROLE_LABEL: Final = "storestack.role"
# A container that the engine has restarted this often does not start by itself any more.
CRASHES: Final = 3
# The same limits as for the services: a throwaway container gets no right that they do not have.
HARDENING: Final[dict[str, Any]] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": 256,
    "tmpfs": dict.fromkeys(("/tmp", "/run"), "rw,noexec,nosuid,nodev,size=64m,mode=1777"),  # noqa: S108
}


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names, or of this machine's."""
    try:
        return docker.from_env(timeout=120)
    except DockerException as error:
        raise Failure(
            f"the Docker engine does not answer ({error}): start it, or run `make doctor`"
        ) from None


@contextmanager
def created(
    client: docker.DockerClient, stack: str, image: str, command: Sequence[str] = (), **options: Any
) -> Iterator["Container"]:
    """A container that is made but not started, and gone afterwards whatever happens."""
    labels = {STACK_LABEL: stack, ROLE_LABEL: "throwaway"}
    try:
        container = client.containers.create(
            image, list(command) or None, labels=labels, network_mode="none", **options
        )
    except ImageNotFound:
        raise Failure(f"the image {image} is gone from the engine: run `make up` again to build it") from None
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def write(
    client: docker.DockerClient, stack: str, image: str, volume: Volume, *, uid: int, mode: int
) -> None:
    """Make the volume hold exactly these files. The image only lends its mount point and its `rm`."""
    mounts = [Mount(target=volume.path, source=volume.name)]
    with created(client, stack, image, mounts=mounts) as container:
        if volume.files:
            container.put_archive(volume.path, archive(volume.files, uid, mode))
        stale = sorted(set(contents(container, volume.path)) - set(volume.files))
    if stale:
        # Root, since the files are the role's own; with nothing else mounted and no network.
        command = ["rm", "-f", "--", *(f"{volume.path}/{path}" for path in stale)]
        with created(
            client, stack, image, mounts=mounts, entrypoint=[], command=command, user="0:0"
        ) as container:
            container.start()
            container.wait(timeout=60)


def contents(container: "Container", path: str) -> dict[str, str]:
    """The files below a path of a container, started or not."""
    stream, _ = container.get_archive(path)
    buffer = io.BytesIO(b"".join(stream))
    found: dict[str, str] = {}
    with tarfile.open(fileobj=buffer) as tar:
        for entry in tar:
            handle = tar.extractfile(entry) if entry.isfile() else None
            if handle is not None:
                found[entry.name.split("/", 1)[1]] = handle.read().decode(errors="replace")
    return found


def read(client: docker.DockerClient, stack: str, image: str, volume: Volume) -> dict[str, str]:
    """The files that a volume holds now."""
    mounts = [Mount(target=volume.path, source=volume.name, read_only=True)]
    with created(client, stack, image, mounts=mounts) as container:
        return contents(container, volume.path)


def running(client: docker.DockerClient, stack: str, role: str) -> "list[Container]":
    """The running containers of a role."""
    labels = [f"{STACK_LABEL}={stack}", f"{ROLE_LABEL}={role}"]
    return list(client.containers.list(filters={"label": labels, "status": "running"}, ignore_removed=True))


def remove(client: docker.DockerClient, *labels: str) -> None:
    """Remove every container that carries all the labels, running or not."""
    for container in client.containers.list(all=True, filters={"label": list(labels)}, ignore_removed=True):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue


def execute(container: "Container", *command: str) -> tuple[int, str]:
    """Exit code and output of a command in a running container."""
    code, output = container.exec_run(list(command))
    if code is None or not isinstance(output, bytes):
        raise TypeError("exec_run without stream answers with an exit code and bytes")
    return code, output.decode(errors="replace").strip()


def last_lines(container: "Container", count: int = 10) -> str:
    return str(container.logs(tail=count).decode(errors="replace")).strip()


def await_health(container: "Container", seconds: float) -> None:
    """Wait until the container's health check passes; a container without one only has to run."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            container.reload()
        except (NotFound, RequestException):
            raise Failure(f"container {container.name} is gone: run `make up` again") from None
        state = container.attrs["State"]
        health = state.get("Health", {}).get("Status", "healthy")
        if state["Status"] == "running" and health == "healthy":
            return
        crashing = container.attrs["RestartCount"] >= CRASHES
        if crashing or state["Status"] in ("exited", "dead") or time.monotonic() > deadline:
            status = "crashing again and again" if crashing else health
            status = state["Status"] if state["Status"] in ("exited", "dead") else status
            said = last_lines(container, 3).replace("\n", " | ") or "(nothing)"
            raise Failure(
                f"container {container.name} is {status} after {seconds:g} s at most; it last said: {said}"
            )
        time.sleep(0.25)
