"""Preflight: what would make an update fail half-way is found before it changes anything."""

import errno
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from ci import environments
from ci.deployment import STATE, DeploymentError
from stacks.settings import Settings

# The images take some 1.5 GB, their build twice that for a while; data needs room to grow.
BUILD_MB: Final = 4096
STATE_MB: Final = 50
MIB: Final = 1024 * 1024


def connect() -> docker.DockerClient:
    """A client of the engine. Raises DeploymentError when none answers."""
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except (DockerException, RequestException) as error:
        raise DeploymentError(
            f"the Docker engine does not answer ({reason(error)}): start it, or see `make doctor`"
        ) from None
    return client


def reason(error: BaseException) -> str:
    """What the operating system said, which the client's libraries wrap several times."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error).splitlines()[0]


def check(settings: Settings, client: docker.DockerClient) -> None:
    """Raises DeploymentError with every obstacle that is found, one line each."""
    obstacles = [*ports(settings, client), *subnets(settings, client), *disk(client)]
    if obstacles:
        raise DeploymentError("\n".join(obstacles))


def ports(settings: Settings, client: docker.DockerClient) -> Iterator[str]:
    """Published ports that someone else has."""
    edge = settings.edge
    holders = published(client)
    for key, port in (("edge:https_port", edge.https_port), ("edge:http_port", edge.http_port)):
        holder = holders.get(port)
        if holder is not None and holder[0] == settings.stack:
            continue
        if is_free(edge.listen, port):
            continue
        owner = f"container {holder[1]}" if holder is not None else listener(port)
        yield (
            f"port {port} on {edge.listen} is taken by {owner}: stop that, or choose another port with"
            f" `pulumi config set {key} <port> -s {settings.stack}`"
        )


def published(client: docker.DockerClient) -> dict[int, tuple[str, str]]:
    """Stack label and name of the container behind each published port."""
    found: dict[int, tuple[str, str]] = {}
    for container in client.api.containers():
        for entry in container.get("Ports") or []:
            if entry.get("PublicPort"):
                stack = (container.get("Labels") or {}).get("storestack.stack", "")
                found[entry["PublicPort"]] = (stack, container["Names"][0].lstrip("/"))
    return found


def is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            # A port below 1024; the engine has the right that this process lacks.
            return True
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise DeploymentError(
                    f'edge:listen: "{address}" is no address of this machine: use 127.0.0.1 or 0.0.0.0'
                ) from None
            return False
    return True


def listener(port: int) -> str:
    """Name and number of the process that listens on a port, as far as this user may see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:] if Path(table).exists() else []:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue
    return "a program of another user"


def subnets(settings: Settings, client: docker.DockerClient) -> Iterator[str]:
    """Networks of others that overlap with the stack's."""
    for name, found in environments.networks(client, settings.stack).items():
        for subnet in found:
            if subnet.overlaps(settings.network.subnet):
                yield (
                    f'network:subnet: "{settings.network.subnet}" overlaps with {subnet} of network {name}:'
                    f" choose another /24: `pulumi config set network:subnet <network> -s {settings.stack}`"
                )


def disk(client: docker.DockerClient) -> Iterator[str]:
    """Folders that are about to be full. The engine's is looked at only where it is on this machine."""
    folders = [(STATE, STATE_MB)]
    root = Path(client.info().get("DockerRootDir", ""))
    if root.is_dir():
        folders.append((root, 0 if built(client) else BUILD_MB))
    for folder, needed in folders:
        free = shutil.disk_usage(folder).free // MIB
        if free < max(needed, STATE_MB):
            wanted = max(needed, STATE_MB)
            yield f"only {free} MB are free on the disk of {folder}: make room, {wanted} MB are needed"


def built(client: docker.DockerClient) -> bool:
    """Whether images were built here before: then most of their layers are there."""
    return bool(client.images.list(filters={"reference": "storestack/*"}))
