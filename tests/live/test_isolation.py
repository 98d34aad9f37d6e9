"""Tiers reach only what they must: tried with real connections from inside the containers."""

import pytest
import testinfra
from docker.models.containers import Container

from loadtests.stack import Stack


def addresses(container: Container) -> dict[str, str]:
    networks = container.attrs["NetworkSettings"]["Networks"]
    return {name: str(network["IPAddress"]) for name, network in networks.items()}


def reaches(source: Container, target: str, port: int) -> bool:
    """Whether a TCP connection opens within two seconds; bash is the only client every image has."""
    host = testinfra.get_host(f"docker://{source.id}")
    return bool(host.run(f"timeout 2 bash -c '</dev/tcp/{target}/{port}'").succeeded)


def test_only_the_edge_publishes_ports(stack: Stack) -> None:
    publishers = {
        c.labels["storestack.role"]
        for c in stack.containers()
        if any(c.attrs["NetworkSettings"]["Ports"].values())
    }
    assert publishers == {"edge"}


def test_the_edge_listens_only_where_the_settings_say(stack: Stack) -> None:
    ports = stack.container("edge").attrs["NetworkSettings"]["Ports"]
    listening = {binding["HostIp"] for bindings in ports.values() for binding in bindings or []}
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("role", "port"), [("database", 5432), ("pooler", 6432), ("cache", 6379), ("gateway", 8000)]
)
def test_the_edge_cannot_reach_what_lies_behind_the_balancer(stack: Stack, role: str, port: int) -> None:
    edge = stack.container("edge")
    for address in addresses(stack.container(role)).values():
        assert not reaches(edge, address, port)
    assert not reaches(edge, role, port)


def test_the_web_tier_reaches_its_dependencies(stack: Stack) -> None:
    web = stack.containers("web")[0]
    for name, port in {"database": 5432, "pooler": 6432, "cache": 6379, "gateway": 8000}.items():
        assert reaches(web, name, port), f"{name}:{port}"


def test_the_balancer_cannot_reach_the_database(stack: Stack) -> None:
    balancer = stack.container("balancer")
    for address in addresses(stack.container("database")).values():
        assert not reaches(balancer, address, 5432)


def test_the_data_network_has_no_way_out(stack: Stack) -> None:
    database, balancer = stack.container("database"), stack.container("balancer")
    (network,) = addresses(database)
    assert stack.engine.networks.get(network).attrs["Internal"]
    # What a web container reaches by its second network, the database cannot.
    behind = max(addresses(balancer).items(), key=lambda pair: "app" in pair[0])[1]
    assert reaches(stack.containers("web")[0], behind, 8080)
    assert not reaches(database, behind, 8080)


def test_the_statistics_page_answers_only_inside_the_balancer(stack: Stack) -> None:
    with stack.client() as client:
        for path in ("/stats", "/haproxy?stats", "/metrics", "/topology"):
            assert client.get(path).status_code in {403, 404}, path
    edge, balancer = stack.container("edge"), stack.container("balancer")
    for address in addresses(balancer).values():
        assert not reaches(edge, address, 8404)
