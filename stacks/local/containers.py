"""Containers: the one place that knows how a container of this project is locked down, limited and named.

Every container has a read-only root, a user that is not root, no capability, no way to gain one, limits on
CPU and memory, logs that rotate, a health check, and the stack's labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_docker as docker

from stacks.settings import Settings

STACK_LABEL: Final = "storestack.stack"
ROLE_LABEL: Final = "storestack.role"
# User and group of each role, as its image makes them: what a role writes, no other role can read.
UIDS: Final = {
    "edge": 10101,
    "balancer": 10102,
    "database": 10103,
    "pooler": 10104,
    "cache": 10105,
    "web": 10106,
    "worker": 10106,
    "release": 10106,
    "gateway": 10107,
    "mail": 10108,
}
# A database at its most connections stays below; a fork bomb does not.
PROCESSES: Final = 2048
# Small, in memory, and nothing in it can be executed.
TMPFS: Final = dict.fromkeys(("/tmp", "/run"), "rw,noexec,nosuid,nodev,size=64m,mode=1777")  # noqa: S108


@dataclass(frozen=True)
class Attachment:
    """A network a container is on, the names it answers to there, and its address if it must be known."""

    network: pulumi.Input[str]
    aliases: tuple[str, ...] = ()
    address: str | None = None


@dataclass(frozen=True)
class Mount:
    volume: pulumi.Input[str]
    path: str
    read_only: bool = True


@dataclass(frozen=True)
class Port:
    """A port of the container published on an address of this machine."""

    internal: int
    external: int
    address: str


@dataclass(frozen=True)
class Service:
    """What one container needs beyond what all have."""

    role: str
    image: pulumi.Input[str]
    cpus: float
    memory_mb: int
    attachments: tuple[Attachment, ...]
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    # The command of the health check; None for a program that has nothing to ask.
    health: tuple[str, ...] | None = ("health",)
    start_seconds: int = 60
    # From the stop signal to the kill: longer than the program takes to finish what it has begun.
    grace_seconds: int = 30
    shm_mb: int = 64
    # Stateful, or known by a fixed address or port: the old one must go before the new one comes.
    exclusive: bool = True
    # Whether to wait until it is healthy, because others cannot start without it.
    wait: bool = True


def duration(seconds: int) -> str:
    """Seconds as Go writes them: 45s, 1m0s, 2m5s."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def run(
    name: str, service: Service, settings: Settings, opts: pulumi.ResourceOptions | None = None
) -> docker.Container:
    """A container of one role. An exclusive one is named `name`; others get a suffix from the engine."""
    uid = UIDS[service.role]
    merged = pulumi.ResourceOptions.merge(
        pulumi.ResourceOptions(delete_before_replace=service.exclusive), opts
    )
    return docker.Container(
        name,
        name=name if service.exclusive else None,
        image=service.image,
        user=f"{uid}:{uid}",
        command=list(service.command) or None,
        envs=[pulumi.Output.concat(key, "=", value) for key, value in service.environment.items()],
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(
                name=attachment.network, aliases=list(attachment.aliases), ipv4_address=attachment.address
            )
            for attachment in service.attachments
        ],
        volumes=[
            docker.ContainerVolumeArgs(
                volume_name=mount.volume, container_path=mount.path, read_only=mount.read_only
            )
            for mount in service.mounts
        ],
        ports=[
            docker.ContainerPortArgs(internal=port.internal, external=port.external, ip=port.address)
            for port in service.ports
        ],
        read_only=True,
        tmpfs=TMPFS,
        # The exclusive ones are servers that manage processes of their own and expect to be the first.
        init=not service.exclusive,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        # In the engine's own notation, here and for durations: another would differ at every preview.
        cpus=str(float(service.cpus)),
        memory=service.memory_mb,
        # The same number: no swap beside it, so that a leak ends in a restart and not in a slow machine.
        memory_swap=service.memory_mb,
        shm_size=service.shm_mb,
        # The provider knows no limit for a container's processes, so it is one for its user.
        ulimits=[docker.ContainerUlimitArgs(name="nproc", soft=PROCESSES, hard=PROCESSES)],
        healthcheck=None
        if service.health is None
        else docker.ContainerHealthcheckArgs(
            tests=["CMD", *service.health],
            interval="3s",
            timeout="3s",
            retries=3,
            start_period=duration(service.start_seconds),
        ),
        wait=service.wait and service.health is not None,
        wait_timeout=service.start_seconds + 30,
        # Comes back by itself after a crash and after a reboot of the machine.
        restart="unless-stopped",
        stop_timeout=service.grace_seconds,
        destroy_grace_seconds=service.grace_seconds,
        log_driver="json-file",
        log_opts={
            "max-size": f"{settings.containers.log_mb}m",
            "max-file": str(settings.containers.log_files),
        },
        labels=[
            docker.ContainerLabelArgs(label=STACK_LABEL, value=settings.stack),
            docker.ContainerLabelArgs(label=ROLE_LABEL, value=service.role),
        ],
        must_run=True,
        opts=merged,
    )


def volume(
    name: str, role: str, settings: Settings, opts: pulumi.ResourceOptions, *, keep: bool = False
) -> docker.Volume:
    """A volume of one role. `keep`: it holds data, so `destroy` leaves it and the next `up` adopts it."""
    return docker.Volume(
        name,
        name=name,
        labels=[
            docker.VolumeLabelArgs(label=STACK_LABEL, value=settings.stack),
            docker.VolumeLabelArgs(label=ROLE_LABEL, value=role),
            docker.VolumeLabelArgs(label="storestack.data", value=str(keep).lower()),
        ],
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(retain_on_delete=keep, delete_before_replace=True)
        ),
    )
