"""Time of `make up` with images built, against `docker-compose up` of the same containers.

The containers of a running stack are written down as a compose file: same images, commands, limits, networks,
addresses, ports and health checks, on copies of the same volumes. Then both bring the stack up from nothing
running to every container healthy, in turn. Compose skips what only the stack does (settings, certificates,
the release step, smoke tests). Goal: at most 1.5 times as long. The stack is left up, with its data:

    python -m loadtests.bench.up_time [STACK]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

import docker
from docker.models.containers import Container

from loadtests.stack import Stack, find_stack, make

ROUNDS = 3
PROJECT = "storestack-bench"
# Who must be healthy before whom, as the stack does it.
WAITS = {
    "pooler": ["database"],
    "web": ["pooler", "cache", "gateway"],
    "worker": ["web"],
    "balancer": ["web"],
    "edge": ["balancer"],
}


def duration(nanoseconds: int) -> str:
    return f"{nanoseconds // 1_000_000}ms"


def describe(container: Container) -> dict[str, Any]:
    """One compose service with what `docker inspect` says of the container."""
    config, host = container.attrs["Config"], container.attrs["HostConfig"]
    networks = container.attrs["NetworkSettings"]["Networks"]
    health = config.get("Healthcheck")
    service = {
        "image": container.attrs["Image"],
        "container_name": f"{PROJECT}-{container.name}",
        "command": config["Cmd"],
        "environment": config["Env"],
        "read_only": host["ReadonlyRootfs"],
        "cap_drop": host["CapDrop"],
        "security_opt": host["SecurityOpt"],
        "init": bool(host["Init"]),
        "mem_limit": host["Memory"],
        "cpus": host["NanoCpus"] / 1e9 or host["CpuQuota"] / 100_000,
        "tmpfs": [f"{path}:{options}" for path, options in (host["Tmpfs"] or {}).items()],
        "volumes": [
            f"{PROJECT}-{mount['Name']}:{mount['Destination']}:{'rw' if mount['RW'] else 'ro'}"
            for mount in container.attrs["Mounts"]
            if mount["Type"] == "volume"
        ],
        "ports": [
            f"{binding['HostIp']}:{binding['HostPort']}:{port}"
            for port, bindings in (host["PortBindings"] or {}).items()
            for binding in bindings
        ],
        "networks": {
            name: {
                "aliases": network["Aliases"] or [],
                **(
                    {"ipv4_address": network["IPAMConfig"]["IPv4Address"]}
                    if (network["IPAMConfig"] or {}).get("IPv4Address")
                    else {}
                ),
            }
            for name, network in networks.items()
        },
    }
    if health:
        service["healthcheck"] = {
            "test": health["Test"],
            "retries": health["Retries"],
            **{
                key: duration(health[name])
                for key, name in (
                    ("interval", "Interval"),
                    ("timeout", "Timeout"),
                    ("start_period", "StartPeriod"),
                )
                if health.get(name)
            },
        }
    return service


def write_compose(stack: Stack, path: Path) -> list[str]:
    """Writes the compose file and returns the stack's volumes it mounts copies of."""
    containers = stack.containers()
    by_role: dict[str, list[str]] = {}
    for container in containers:
        by_role.setdefault(container.labels["storestack.role"], []).append(str(container.name))
    services = {}
    for container in containers:
        waits = [
            name for role in WAITS.get(container.labels["storestack.role"], []) for name in by_role[role]
        ]
        services[container.name] = describe(container) | {
            "depends_on": {name: {"condition": "service_healthy"} for name in waits}
        }
    volumes = sorted({m["Name"] for c in containers for m in c.attrs["Mounts"] if m["Type"] == "volume"})
    networks = {}
    for name in sorted({name for c in containers for name in c.attrs["NetworkSettings"]["Networks"]}):
        network = stack.engine.networks.get(name).attrs
        networks[name] = {
            "internal": network["Internal"],
            "ipam": {"config": [{"subnet": network["IPAM"]["Config"][0]["Subnet"]}]},
        }
    compose = {
        "version": "3.9",
        "services": services,
        "networks": networks,
        "volumes": {f"{PROJECT}-{name}": {"external": True} for name in volumes},
    }
    # Compose reads a `$` as the start of a variable.
    path.write_text(json.dumps(compose, indent=1).replace("$", "$$"))
    return volumes


def copy_volumes(engine: docker.DockerClient, image: str, volumes: list[str]) -> None:
    for name in volumes:
        engine.containers.run(
            image,
            ["cp", "-a", "/from/.", "/to/"],
            user="root",
            volumes={
                name: {"bind": "/from", "mode": "ro"},
                f"{PROJECT}-{name}": {"bind": "/to", "mode": "rw"},
            },
            remove=True,
        )


def compose_up(engine: docker.DockerClient, path: Path) -> float:
    """Seconds until every container of the compose project is healthy."""
    command = ["docker-compose", "--project-name", PROJECT, "--file", str(path)]
    begin = monotonic()
    subprocess.run([*command, "up", "--detach"], check=True, capture_output=True)
    while not all(c.attrs["State"]["Health"]["Status"] == "healthy" for c in project(engine)):
        if monotonic() - begin > 300:
            raise TimeoutError("the compose project did not get healthy within 300 s")
        sleep(0.1)
    taken = monotonic() - begin
    subprocess.run([*command, "down"], check=True, capture_output=True)
    return taken


def project(engine: docker.DockerClient) -> list[Container]:
    return engine.containers.list(filters={"label": f"com.docker.compose.project={PROJECT}"})


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "local"
    stack = find_stack(name)
    ups, composes = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compose.json"
        volumes = write_compose(stack, path)
        image = stack.container("database").attrs["Image"]
        make("down", name).check_returncode()
        for volume in stack.engine.volumes.list(filters={"label": f"storestack.stack={name}"}):
            if volume.name not in volumes:
                raise RuntimeError(f"volume {volume.name} is not in the compose file")
        try:
            for number in range(ROUNDS):
                begin = monotonic()
                make("up", name).check_returncode()
                ups.append(monotonic() - begin)
                if number == 0:
                    copy_volumes(stack.engine, image, volumes)
                make("down", name).check_returncode()
                composes.append(compose_up(stack.engine, path))
                print(
                    f"round {number + 1}: make up {ups[-1]:.1f} s, compose {composes[-1]:.1f} s", flush=True
                )
        finally:
            for copied in volumes:
                stack.engine.volumes.get(f"{PROJECT}-{copied}").remove(force=True)
            make("up", name).check_returncode()
    ratio = median(a / b for a, b in zip(ups, composes, strict=True))
    print(
        f"make up {median(ups):.1f} s, docker-compose up {median(composes):.1f} s,"
        f" ratio {ratio:.2f} (goal ≤ 1.5)"
    )


if __name__ == "__main__":
    main()
