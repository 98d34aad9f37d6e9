"""Preflight: each obstacle is one line that names it and the mend, before anything changes."""

import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from docker.errors import DockerException

from ci import preflight
from ci.deployment import DeploymentError
from stacks.settings import Settings, parse


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException:
        pytest.skip("no Docker engine")
    yield client
    client.close()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def settings(**values: Any) -> Settings:
    return parse("unit", {key.replace("__", ":"): str(value) for key, value in values.items()})


def test_a_taken_port_is_named_with_its_owner_and_the_mend(client: docker.DockerClient, taken: int) -> None:
    (line,) = preflight.ports(settings(edge__https_port=taken, edge__http_port=1), client)
    assert f"port {taken} on 127.0.0.1 is taken by" in line
    assert f"(process {os.getpid()})" in line
    assert "pulumi config set edge:https_port <port> -s unit" in line


def test_the_stacks_own_edge_may_have_its_port(
    client: docker.DockerClient, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "published", lambda _: {taken: ("unit", "storestack-unit-edge")})
    assert not list(preflight.ports(settings(edge__https_port=taken, edge__http_port=1), client))


def test_another_stacks_container_is_named(
    client: docker.DockerClient, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "published", lambda _: {taken: ("other", "storestack-other-edge")})
    (line,) = preflight.ports(settings(edge__https_port=taken, edge__http_port=1), client)
    assert "taken by container storestack-other-edge" in line


def test_an_address_this_machine_does_not_have_is_named(client: docker.DockerClient) -> None:
    with pytest.raises(DeploymentError, match=r'edge:listen: "192\.0\.2\.1" is no address of this machine'):
        list(preflight.ports(settings(edge__listen="192.0.2.1"), client))


def test_a_subnet_that_another_network_has_is_named(client: docker.DockerClient) -> None:
    subnet = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"].rsplit(".", 2)[0] + ".0.0/24"
    (line,) = preflight.subnets(settings(network__subnet=subnet), client)
    assert f'network:subnet: "{subnet}" overlaps' in line
    assert "network bridge" in line


def test_a_full_disk_is_named(client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3 * 1024 * 1024))
    lines = list(preflight.disk(client))
    assert lines
    assert all("only 3 MB are free on the disk of" in line and "make room" in line for line in lines)


def test_no_engine_is_one_line_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(DeploymentError) as caught:
        preflight.connect()
    assert "the Docker engine does not answer" in str(caught.value)
    assert "make doctor" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
