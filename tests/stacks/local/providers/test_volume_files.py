"""VolumeFiles against a real engine: nothing unchecked is written, nothing stale stays, what runs is told."""

from collections.abc import Callable
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from stacks.local.providers import engine
from stacks.local.providers.base import Failure
from stacks.local.providers.files import Volume
from stacks.local.providers.volume_files import VolumeFilesProvider

Volumes = Callable[[str], str]
RELOADS = "/tmp/reloads"  # noqa: S108 - in the container


@pytest.fixture
def props(stack: str, image: str, volume: Volumes) -> dict[str, Any]:
    return {
        "stack": stack,
        "role": "edge",
        "image": image,
        "uid": 10999,
        "configuration": {"main.conf": "good", "rules/one.conf": "first"},
        "configuration_volume": volume("configuration"),
        "secrets": {"password": "hunter2"},
        "secrets_volume": volume("secrets"),
        "validate": True,
        "scratch": [],
    }


def held(client: docker.DockerClient, props: dict[str, Any]) -> dict[str, str]:
    volume = Volume(props["configuration_volume"], "/etc/storestack", {})
    return engine.read(client, props["stack"], props["image"], volume)


def service(client: docker.DockerClient, props: dict[str, Any]) -> Container:
    """A running container of the role, as the stack would have it."""
    return client.containers.run(
        props["image"],
        detach=True,
        init=True,
        labels={engine.STACK_LABEL: props["stack"], engine.ROLE_LABEL: "edge"},
        volumes=[
            f"{props['configuration_volume']}:/etc/storestack:ro",
            f"{props['secrets_volume']}:/run/secrets:ro",
        ],
        **engine.HARDENING,
    )


def leftovers(client: docker.DockerClient, stack: str) -> list[Container]:
    labels = [f"{engine.STACK_LABEL}={stack}", f"{engine.ROLE_LABEL}=throwaway"]
    return list(client.containers.list(all=True, filters={"label": labels}))


def test_files_are_there_for_the_role_and_for_no_one_else(
    client: docker.DockerClient, props: dict[str, Any]
) -> None:
    VolumeFilesProvider().create(props)
    assert held(client, props) == props["configuration"]
    container = service(client, props)
    code, listing = engine.execute(container, "stat", "-c", "%u %a", "/run/secrets/password")
    assert (code, listing) == (0, "10999 400")
    assert engine.execute(container, "cat", "/run/secrets/password") == (0, "hunter2")
    assert container.exec_run(["cat", "/run/secrets/password"], user="10998").exit_code != 0
    assert not leftovers(client, props["stack"])


def test_a_refused_configuration_is_never_written(client: docker.DockerClient, props: dict[str, Any]) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    bad = {**props, "configuration": {"main.conf": "wrong"}}
    with pytest.raises(Failure, match=r"refused and was not written.*wrong"):
        provider.update("", props, bad)
    assert held(client, props) == props["configuration"]
    assert not leftovers(client, props["stack"])


def test_a_file_that_is_no_longer_wanted_goes(client: docker.DockerClient, props: dict[str, Any]) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    provider.update("", props, {**props, "configuration": {"main.conf": "better"}})
    assert held(client, props) == {"main.conf": "better"}


def test_running_containers_are_told(client: docker.DockerClient, props: dict[str, Any]) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    container = service(client, props)
    provider.update("", props, {**props, "configuration": {"main.conf": "better"}})
    assert engine.execute(container, "cat", RELOADS) == (0, "reloaded")


def test_a_program_that_cannot_reload_is_restarted(
    client: docker.DockerClient, props: dict[str, Any]
) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    container = service(client, props)
    started = container.attrs["State"]["StartedAt"]
    provider.update("", props, {**props, "configuration": {"exit-code": "3"}})
    container.reload()
    assert container.attrs["State"]["StartedAt"] != started
    assert container.status == "running"


def test_a_failed_reload_puts_the_old_files_back(client: docker.DockerClient, props: dict[str, Any]) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    service(client, props)
    with pytest.raises(Failure, match="refused to reload and serves on as before"):
        provider.update("", props, {**props, "configuration": {"exit-code": "1"}})
    assert held(client, props) == props["configuration"]


def test_a_container_about_to_be_replaced_is_left_alone(
    client: docker.DockerClient, props: dict[str, Any]
) -> None:
    provider = VolumeFilesProvider()
    provider.create(props)
    container = service(client, props)
    provider.update("", {**props, "image": "sha256:older"}, {**props, "configuration": {"exit-code": "1"}})
    assert engine.execute(container, "cat", RELOADS)[0] != 0


def test_a_diff_sees_changes_and_nothing_else(props: dict[str, Any]) -> None:
    provider = VolumeFilesProvider()
    state = provider.create(props).outs or {}
    assert not provider.diff("", state, props).changes
    for name, value in {
        "configuration": {"main.conf": "better"},
        "secrets": {"password": "other"},
        "image": "sha256:other",
        "uid": 1,
    }.items():
        assert provider.diff("", state, {**props, name: value}).changes, name
    unchecked = {**props, "validate": False}
    assert not provider.diff("", {**state, "validate": False}, {**unchecked, "image": "sha256:other"}).changes


def test_a_refresh_finds_files_that_someone_changed(
    client: docker.DockerClient, props: dict[str, Any]
) -> None:
    provider = VolumeFilesProvider()
    state = provider.create(props).outs or {}
    assert not provider.diff("", provider.read("", state).outs or {}, props).changes
    volume = Volume(props["configuration_volume"], "/etc/storestack", {"main.conf": "tampered"})
    engine.write(client, props["stack"], props["image"], volume, uid=10999, mode=0o444)
    assert provider.diff("", provider.read("", state).outs or {}, props).changes
