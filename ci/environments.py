"""A stack's file of settings: read as flat text, or made for a new stack with its own ports and subnet."""

import ipaddress
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
import yaml

from ci.toolchain.cache import CHECKOUT, hold_lock
from ci.toolchain.progress import Report
from stacks.settings import STACK_NAME, Settings, SettingsError, parse

TEMPLATE: Final = CHECKOUT / "Pulumi.local.yaml"
# Tried from here on, beside each other, so that a person sees that they belong together.
FIRST_HTTPS: Final = 8444
FIRST_HTTP: Final = 8081
PAIRS: Final = 500
SUBNETS: Final = tuple(ipaddress.IPv4Network(f"10.203.{third}.0/24") for third in range(1, 256))

FILE: Final = """# Made by `make up STACK={stack}`, with ports and a subnet that were free then.
# docs/settings.md lists every key.
encryptionsalt: {salt}
config:
  storestack:target: local
  edge:https_port: "{https}"
  edge:http_port: "{http}"
  network:subnet: {subnet}
"""


@dataclass(frozen=True)
class Taken:
    """What a new stack has to keep clear of."""

    ports: frozenset[int]
    subnets: tuple[ipaddress.IPv4Network, ...]


def path(stack: str) -> Path:
    return CHECKOUT / f"Pulumi.{stack}.yaml"


def flatten(document: Mapping[str, Any]) -> dict[str, str]:
    """The configuration as Pulumi hands it to a program: every value a text."""
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (document.get("config") or {}).items()
    }


def read(stack: str) -> Settings:
    """The settings of a stack. Raises SettingsError, also for a file that is no YAML."""
    file = path(stack)
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        problem = str(error).replace("\n", " ")
        raise SettingsError([f"{file.name} cannot be read: {problem}: mend or remove it."]) from None
    return parse(stack, flatten(document))


def others(stack: str) -> Iterator[Settings]:
    """Settings of the other stacks of this checkout; a file with mistakes is its own owner's business."""
    for file in sorted(CHECKOUT.glob("Pulumi.*.yaml")):
        other = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        if other != stack:
            try:
                yield read(other)
            except SettingsError:
                continue


def choose(taken: Taken) -> tuple[int, int, ipaddress.IPv4Network]:
    """HTTPS port, HTTP port and subnet for a new stack. Raises SettingsError when nothing is left."""
    pairs = ((FIRST_HTTPS + step, FIRST_HTTP + step) for step in range(PAIRS))
    pair = next((pair for pair in pairs if not taken.ports & set(pair)), None)
    subnet = next((s for s in SUBNETS if not any(s.overlaps(other) for other in taken.subnets)), None)
    if pair is None or subnet is None:
        raise SettingsError(
            ["no free ports or subnet are left for another stack: `make down` one of the others."]
        )
    return *pair, subnet


def listening(ports: Iterable[int]) -> frozenset[int]:
    """The ports of 127.0.0.1 that someone listens on."""
    found = set()
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.add(port)
    return frozenset(found)


def networks(client: docker.DockerClient, stack: str) -> dict[str, list[ipaddress.IPv4Network]]:
    """The subnets of the engine's networks, by name, without those of the stack itself."""
    found: dict[str, list[ipaddress.IPv4Network]] = {}
    for network in client.networks.list():
        labels = network.attrs.get("Labels") or {}
        if labels.get("storestack.stack") == stack:
            continue
        for entry in (network.attrs.get("IPAM") or {}).get("Config") or []:
            if ":" not in entry.get("Subnet", ":"):
                found.setdefault(str(network.name), []).append(ipaddress.IPv4Network(entry["Subnet"]))
    return found


def make(stack: str, client: docker.DockerClient) -> bool:
    """Write the file of an unknown stack; whether it was written. Two runs at once do not choose the same."""
    if not STACK_NAME.fullmatch(stack):
        parse(stack, {})
    with hold_lock("environments", Report("settings").say):
        if path(stack).exists():
            return False
        ports = {port for other in others(stack) for port in (other.edge.https_port, other.edge.http_port)}
        candidates = range(FIRST_HTTP, FIRST_HTTPS + PAIRS)
        taken = Taken(
            ports=frozenset(ports) | listening(candidates),
            subnets=(
                *(other.network.subnet for other in others(stack)),
                *(subnet for subnets in networks(client, stack).values() for subnet in subnets),
            ),
        )
        https, http, subnet = choose(taken)
        salt = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["encryptionsalt"]
        text = FILE.format(stack=stack, salt=salt, https=https, http=http, subnet=subnet)
        path(stack).write_text(text, encoding="utf-8")
    return True
