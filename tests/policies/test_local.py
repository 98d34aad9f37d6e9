"""Stories of the local target's policies."""

from typing import Any

import pytest

from policies.graph import UNKNOWN, Resource
from tests.policies.cases import DIGEST, Case, breached, kept, made, missing, run, stories

NETWORK = "docker:index/network:Network"
IMAGE = "docker:index/remoteImage:RemoteImage"
PORT = {"internal": 443, "external": 8443, "ip": "127.0.0.1"}


def container(label: str = "web", /, **properties: Any) -> Resource:
    return made("docker:index/container:Container", label, **properties)


def labelled(role: str, label: str = "x", **properties: Any) -> Resource:
    return container(label, labels=[{"label": "storestack.role", "value": role}], **properties)


BUILT = made(IMAGE, "web", name="web:hash", build={"context": "."})
FROM_BUILD = made("docker:index/container:Container", "web", refers={"image": BUILT}, image=UNKNOWN)

CASES: list[Case] = [
    kept("local-not-privileged", "without capabilities", container(capabilities={"drops": ["ALL"]})),
    breached("local-not-privileged", "privileged", "privileged is true", container(privileged=True)),
    breached(
        "local-not-privileged",
        "as good as privileged",
        '"SYS_ADMIN"',
        container(capabilities={"adds": ["SYS_ADMIN"]}),
    ),
    breached("local-not-privileged", "the host's network", "networkMode", container(networkMode="host")),
    missing("local-not-privileged", "unprivileged by default", None, container()),
    kept("local-read-only-root", "read-only", container(readOnly=True)),
    kept("local-read-only-root", "never started", container(start=False)),
    breached("local-read-only-root", "writable", "readOnly is false", container(readOnly=False)),
    missing("local-read-only-root", "writable by default", "readOnly is not set", container()),
    kept("local-non-root", "an unprivileged user", container(user="10101:10101")),
    breached("local-non-root", "root", '"0:0"', container(user="0:0")),
    missing("local-non-root", "whatever the image says", "user is not set", container()),
    kept("local-health-check", "checked", container(healthcheck={"tests": ["CMD", "health"]})),
    breached("local-health-check", "switched off", '["NONE"]', container(healthcheck={"tests": ["NONE"]})),
    missing("local-health-check", "not checked", "healthcheck.tests is not set", container()),
    kept("local-memory-limit", "limited", container(memory=256)),
    breached("local-memory-limit", "limited to nothing", "memory is 0", container(memory=0)),
    missing("local-memory-limit", "unlimited", "memory is not set", container()),
    kept("local-edge-publishes", "the edge, by its label", labelled("edge", ports=[PORT])),
    kept("local-edge-publishes", "the edge, by its name", container("shop-edge", ports=[PORT])),
    breached("local-edge-publishes", "the database", '"127.0.0.1:8443"', container("database", ports=[PORT])),
    breached("local-edge-publishes", "all ports", "publishAllPorts is true", container(publishAllPorts=True)),
    breached(
        "local-edge-publishes",
        "another role with the edge's name",
        "ports[0]",
        labelled("cache", "edge", ports=[PORT]),
    ),
    missing("local-edge-publishes", "nothing published", None, container()),
    kept("local-data-network-internal", "internal", made(NETWORK, "data", internal=True)),
    kept("local-data-network-internal", "the edge's network", made(NETWORK, "edge")),
    breached(
        "local-data-network-internal", "open", "internal is false", made(NETWORK, "shop-data", internal=False)
    ),
    missing(
        "local-data-network-internal",
        "open by default",
        "internal is not set",
        made(NETWORK, "x", name="shop-data"),
    ),
    kept("local-image-pinned", "built in the stack", BUILT, FROM_BUILD),
    kept("local-image-pinned", "pulled by digest", made(IMAGE, name=DIGEST), container(image=DIGEST)),
    breached("local-image-pinned", "pulled by tag", '"nginx:1.26"', made(IMAGE, name="nginx:1.26")),
    breached("local-image-pinned", "named by tag", '"postgres:17"', container(image="postgres:17")),
    missing("local-image-pinned", "no image", "image is not set", container()),
]


@stories(CASES)
def test_local(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("name", ["knowledge", "shop-hedge", "pledge-1"])
def test_a_name_that_holds_the_word_edge_is_not_the_edge(name: str) -> None:
    run(breached("local-edge-publishes", name, "ports[0]", container(name, ports=[PORT])))
