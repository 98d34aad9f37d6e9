"""Gathers the facts that doctor.py judges. It changes nothing on the machine."""

import ipaddress
import platform
import re
import shutil
import socket
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ci.toolchain import (
    base_image,
    browser,
    docker_provider,
    engine,
    engine_api,
    environment,
    go_programs,
    language_host,
    pins,
    pulumi_cli,
    uv,
)
from ci.toolchain.cache import CHECKOUT, locate_cache
from ci.toolchain.doctor import (
    Engine,
    Finding,
    Level,
    judge_base_image,
    judge_disk,
    judge_engine,
    judge_memory,
    judge_part,
    judge_port,
    judge_program,
    judge_python,
    judge_setting,
    judge_subnet,
)
from ci.toolchain.engine_api import EngineError
from ci.toolchain.progress import ToolchainError
from ci.toolchain.step import Step

PORTS = ("edge:https_port", "edge:http_port")
SUBNET = "network:subnet"
# As in stacks/settings, which cannot be imported before there is an environment.
DEFAULTS = {"edge:https_port": "8443", "edge:http_port": "8080", "network:subnet": "10.203.0.0/24"}
STACK_LABEL = "storestack.stack"


def examine(stack: str) -> list[Finding]:
    """Looks at everything, in the order in which a missing part would be felt."""
    found_engine = ask_engine()
    reachable = not found_engine.problem
    findings = [
        judge_python(platform.python_version()),
        *judge_engine(found_engine),
        look_for(uv.STEP),
        look_for(environment.STEP),
        look_for(pulumi_cli.STEP),
        *([look_for(language_host.STEP)] if pulumi_cli.locate_cli() else []),
        look_for(docker_provider.STEP),
    ]
    if reachable:
        image = engine_api.find_image(pins.BASE_IMAGE)
        findings.append(judge_base_image(base_image.STEP.find(), read_age(image) if image else None))
    places = [locate_cache(), *([Path(found_engine.root_directory)] if found_engine.root_directory else [])]
    findings += [judge_disk(str(place), free) for place, free in measure_disks(places)]
    findings.append(judge_memory(read_available_memory(Path("/proc/meminfo").read_text())))
    findings += examine_addresses(stack, reachable=reachable)
    purpose, mend = "the store's version is read with it", "apt-get install git"
    findings.append(judge_program("git", shutil.which("git"), Level.WARNING, purpose, mend))
    purpose, mend = "`make test` needs it, and installs it as root", f"apt-get install {browser.PACKAGE}"
    payments = "`make test` tests the Stripe adapter against it, and builds it"
    mend_mock = "python3 -m ci.toolchain install --for-tests"
    found_mock = go_programs.STRIPE_MOCK.locate()
    findings.append(judge_program("stripe-mock", found_mock, Level.NOTICE, payments, mend_mock))
    pipelines = "`make test` checks the pipelines with it, and builds it"
    found_lint = go_programs.ACTIONLINT.locate()
    findings.append(judge_program("actionlint", found_lint, Level.NOTICE, pipelines, mend_mock))
    findings.append(judge_program("Chromium", browser.locate(), Level.NOTICE, purpose, mend))
    return findings


def examine_addresses(stack: str, *, reachable: bool) -> list[Finding]:
    """Looks whether the stack's ports and subnet are free."""
    settings = DEFAULTS | read_settings(stack)
    findings = []
    own = list_own_ports(stack) if reachable else set()
    for key in PORTS:
        if not settings[key].isdecimal() or not 0 < int(settings[key]) < 65536:
            findings.append(judge_setting(key, settings[key], "a port from 1 to 65535", stack))
            continue
        port = int(settings[key])
        findings.append(judge_port(key, port, taken=port not in own and is_taken(port), stack=stack))
    others = [*list_host_routes(), *(list_engine_subnets(stack) if reachable else [])]
    try:
        clashes = find_clashes(settings[SUBNET], others)
    except ValueError:
        return [*findings, judge_setting(SUBNET, settings[SUBNET], "a network such as 10.203.0.0/24", stack)]
    return [*findings, judge_subnet(settings[SUBNET], clashes, stack)]


def look_for(step: Step) -> Finding:
    """Looks for one part of the toolchain without making it."""
    try:
        return judge_part(step.name, step.find())
    except ToolchainError as error:
        return judge_part(step.name, None, str(error))


def ask_engine() -> Engine:
    try:
        answer = engine_api.ask_json("/info")
    except EngineError as error:
        return Engine(problem=engine.explain(error))
    return Engine(
        version=str(answer["ServerVersion"]),
        limits_memory=bool(answer.get("MemoryLimit")),
        limits_cpu=bool(answer.get("CpuCfsQuota")),
        root_directory=str(answer.get("DockerRootDir", "")),
    )


def read_age(image: dict[str, Any]) -> timedelta | None:
    """Returns how long ago an image was made, None where the engine does not say."""
    created = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", str(image.get("Created") or ""))
    if not created:
        return None
    return datetime.now(UTC) - datetime.fromisoformat(created[0]).replace(tzinfo=UTC)


def measure_disks(places: Sequence[Path]) -> list[tuple[Path, int]]:
    """Returns (place, free bytes) once per file system; a place not made yet stands for its parent."""
    seen: dict[int, tuple[Path, int]] = {}
    for place in places:
        existing = next(parent for parent in [place, *place.parents] if parent.exists())
        seen.setdefault(existing.stat().st_dev, (place, shutil.disk_usage(existing).free))
    return list(seen.values())


def read_available_memory(meminfo: str) -> int:
    """Returns the bytes that /proc/meminfo calls available."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def read_settings(stack: str) -> dict[str, str]:
    """Returns the flat `key: value` settings of a stack's file; an encrypted or nested one is left out."""
    file = CHECKOUT / f"Pulumi.{stack}.yaml"
    return parse_settings(file.read_text()) if file.exists() else {}


def parse_settings(text: str) -> dict[str, str]:
    """Reads lines such as `  edge:https_port: "8443"`; this runs before there is a YAML library."""
    found = re.findall(r"^[ ]+([a-z_]+:[a-z_]+):[ ]+([^\s#].*?)[ ]*(?:#.*)?$", text, re.MULTILINE)
    return {key: value.strip("\"'") for key, value in found}


def is_taken(port: int) -> bool:
    """Says whether anything listens on a port of this machine's own address."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def list_own_ports(stack: str) -> set[int]:
    """Returns the host ports that the stack's own containers publish."""
    own = [
        container
        for container in engine_api.ask_json("/containers/json")
        if (container.get("Labels") or {}).get(STACK_LABEL) == stack
    ]
    return {port["PublicPort"] for container in own for port in container["Ports"] if "PublicPort" in port}


def list_engine_subnets(stack: str) -> list[tuple[str, str]]:
    """Returns (name, subnet) of the engine's networks that are not the stack's."""
    return [
        (f"the Docker network {network['Name']}", config["Subnet"])
        for network in engine_api.ask_json("/networks")
        if (network.get("Labels") or {}).get(STACK_LABEL) != stack
        for config in (network.get("IPAM") or {}).get("Config") or []
        if "Subnet" in config
    ]


def list_host_routes() -> list[tuple[str, str]]:
    """Returns (name, subnet) of the machine's own routes, those of Docker's bridges left to the engine."""
    file = Path("/proc/net/route")
    return parse_routes(file.read_text()) if file.exists() else []


def parse_routes(table: str) -> list[tuple[str, str]]:
    """Reads /proc/net/route, whose addresses are hexadecimal in the machine's byte order."""
    routes = []
    for line in table.splitlines()[1:]:
        interface, destination, _, _, _, _, _, mask, *_ = line.split()
        if mask == "00000000" or interface.startswith(("docker", "br-", "veth")):
            continue
        address = socket.inet_ntoa(struct.pack("=L", int(destination, 16)))
        network = ipaddress.ip_network((address, int(mask, 16).bit_count()), strict=False)
        routes.append((f"the route of {interface}", str(network)))
    return routes


def find_clashes(subnet: str, others: Sequence[tuple[str, str]]) -> list[str]:
    """Returns the names of the networks that overlap a subnet; raises ValueError if it is none."""
    wanted = ipaddress.ip_network(subnet, strict=False)
    known = [(name, ipaddress.ip_network(other, strict=False)) for name, other in others]
    return [f"{name} ({other})" for name, other in known if _overlap(wanted, other)]


def _overlap(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return one.version == other.version and one.overlaps(other)
