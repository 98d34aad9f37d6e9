"""Policies of the local target: containers, networks and images of the Docker provider."""

from __future__ import annotations

import re
from typing import Any

from policies.graph import Graph, Resource, UnknownValueError, pick
from policies.rules import Finding, Findings, Level, Policy, Severity, Words

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
IMAGE = "docker:index/image:Image"

ROLE_LABEL = "storestack.role"
EDGE = re.compile(r"(^|[-_.])(edge|proxy|ingress)([-_.\d]|$)")
DATA_NETWORK = re.compile(r"(^|[-_.])(data|db|database|backend|internal)([-_.\d]|$)")
PINNED = re.compile(r"^(sha256:[0-9a-f]{64}$|[^@]*@sha256:[0-9a-f]{64}$)")
ROOT = ("", "0", "root")
DOCS = "https://docs.docker.com/"


def runs(container: Resource) -> bool:
    """Whether a container is made to run; one that is only created to write into its volumes is not."""
    return container.get("start") is not False


def role(resource: Resource) -> str:
    """What a resource is there for: its role label, else its name."""
    for _, label in resource.items("labels"):
        if pick(label, "label") == ROLE_LABEL:
            return str(pick(label, "value"))
    return resource.name


PRIVILEGED = Policy(
    number="L1",
    id="local-not-privileged",
    rule="Run no privileged container",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    pci=("7.2.2",),
    cis=("5.4", "5.9"),
    link=DOCS + "engine/containers/run/#runtime-privilege-and-linux-capabilities",
    mend='Remove privileged, host namespaces and broad capabilities; drop "ALL" and add what is needed',
)


@PRIVILEGED.check(CONTAINER)
def find_privileged(container: Resource) -> Findings:
    if container.on("privileged"):
        yield Finding("privileged", True)
    for path in ("networkMode", "pidMode", "ipcMode"):
        if container.get(path) == "host":
            yield Finding(path, "host")
    broad = {"ALL", "SYS_ADMIN", "CAP_SYS_ADMIN"} & set(container.get("capabilities.adds") or [])
    if broad:
        yield Finding("capabilities.adds", sorted(broad))
    for path, option in container.items("securityOpts"):
        if str(option).replace("=", ":").endswith(":unconfined"):
            yield Finding(path, option, "Remove it: the engine's own profiles confine every container")
    places = [*container.items("volumes"), *container.items("mounts")]
    for path, place in places:
        source = pick(place, "hostPath") or pick(place, "source")
        if source and (source == "/" or source.rstrip("/").endswith("docker.sock")):
            mend = "Remove it: who writes there owns the machine"
            yield Finding(path, Words(f"{source} of the host"), mend)


READ_ONLY = Policy(
    number="L2",
    id="local-read-only-root",
    rule="Mount the root file system read-only",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    cis=("5.12",),
    link=DOCS + "reference/cli/docker/container/run/#read-only",
    mend="Set readOnly to true, with a tmpfs or a volume where the container writes",
)


@READ_ONLY.check(CONTAINER)
def find_writable(container: Resource) -> Findings:
    if runs(container) and not container.on("readOnly"):
        yield Finding("readOnly", container.get("readOnly"))


USER = Policy(
    number="L3",
    id="local-non-root",
    rule="Run containers as a user other than root",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    cis=("4.1",),
    link=DOCS + "reference/dockerfile/#user",
    mend='Set user to an unprivileged id such as "10001:10001"',
)


@USER.check(CONTAINER)
def find_root(container: Resource) -> Findings:
    user = container.get("user")
    if runs(container) and (user is None or str(user).split(":")[0].strip() in ROOT):
        yield Finding("user", user)


HEALTH = Policy(
    number="L4",
    id="local-health-check",
    rule="Give every container a health check",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    cis=("5.26",),
    link=DOCS + "reference/dockerfile/#healthcheck",
    mend="Set healthcheck.tests to a command that fails when the service does not answer",
)


@HEALTH.check(CONTAINER)
def find_unchecked(container: Resource) -> Findings:
    if not runs(container):
        return
    tests = container.get("healthcheck.tests")
    if not tests or tests[0] == "NONE":
        yield Finding("healthcheck.tests", tests)


MEMORY = Policy(
    number="L5",
    id="local-memory-limit",
    rule="Limit the memory of every container",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    cis=("5.10",),
    link=DOCS + "engine/containers/resource_constraints/#memory",
    mend="Set memory, in MiB",
)


@MEMORY.check(CONTAINER)
def find_unlimited(container: Resource) -> Findings:
    if runs(container) and not container.get("memory"):
        yield Finding("memory", container.get("memory"))


PORTS = Policy(
    number="L6",
    id="local-edge-publishes",
    rule="Publish ports at the edge only",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    pci=("1.3.1",),
    cis=("5.8",),
    link=DOCS + "engine/network/port-publishing/",
    mend="Remove ports and reach it through the edge; the edge is what carries the label "
    f'{ROLE_LABEL}="edge"',
)


@PORTS.check(CONTAINER)
def find_published(container: Resource) -> Findings:
    if EDGE.search(role(container)):
        return
    if container.on("publishAllPorts"):
        yield Finding("publishAllPorts", True)
    for path, port in container.items("ports"):
        yield Finding(path, f"{pick(port, 'ip', '0.0.0.0')}:{pick(port, 'external', 'any')}")  # noqa: S104


DATA_TIER = Policy(
    number="L7",
    id="local-data-network-internal",
    rule="Keep the data network internal",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    pci=("1.4.4",),
    link=DOCS + "reference/cli/docker/network/create/#internal",
    mend="Set internal to true",
)


@DATA_TIER.check(NETWORK)
def find_open_data_network(network: Resource) -> Findings:
    name = network.properties.get("name")
    names = [network.name, role(network), *([name] if isinstance(name, str) else [])]
    if any(DATA_NETWORK.search(item) for item in names) and not network.on("internal"):
        yield Finding("internal", network.get("internal"))


IMAGES = Policy(
    number="L8",
    id="local-image-pinned",
    rule="Pin images by digest or by their own build",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    cis=("5.27",),
    link=DOCS + "dhi/core-concepts/digests/",
    mend='Name the image as "name@sha256:…", or by the imageId of an image built in this stack',
)


@IMAGES.check(REMOTE_IMAGE)
def find_unpinned_pull(image: Resource) -> Findings:
    name = image.get("name")
    if not image.has("build") and not PINNED.match(str(name)):
        yield Finding("name", name)


@IMAGES.check(CONTAINER)
def find_unpinned_container(container: Resource, graph: Graph) -> Findings:
    if graph.referred(container, "image", REMOTE_IMAGE, IMAGE):
        return  # judged at the image itself
    try:
        image: Any = container.get("image")
    except UnknownValueError:
        if container.property_dependencies.get("image"):
            return
        raise
    if not PINNED.match(str(image)):
        yield Finding("image", image)
