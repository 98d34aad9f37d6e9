"""OneShot against a real engine: its exit code decides, its words are heard, nothing of it stays."""

from typing import Any

import docker
import pytest

from stacks.local.providers import engine
from stacks.local.providers.base import Failure
from stacks.local.providers.one_shot import STEP_LABEL, OneShotProvider


@pytest.fixture
def props(stack: str, image: str) -> dict[str, Any]:
    return {
        "stack": stack,
        "step": "release",
        "image": image,
        "command": ["sh", "-c", "echo migrating $TABLE; echo done"],
        "environment": {"TABLE": "orders"},
        "networks": ["bridge"],
        "volumes": {},
        "writable": [],
        "user": "10999:10999",
        "memory_mb": 64,
        "seconds": 30,
        "triggers": ["image 1"],
    }


def steps(client: docker.DockerClient, stack: str) -> list[Any]:
    return list(client.containers.list(all=True, filters={"label": f"{engine.STACK_LABEL}={stack}"}))


def test_a_step_that_succeeds_is_heard_and_gone(
    client: docker.DockerClient, props: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    OneShotProvider().create(props)
    assert capsys.readouterr().out == "release: migrating orders\nrelease: done\n"
    assert not steps(client, props["stack"])


def test_a_step_that_fails_fails_the_update_with_its_last_words(
    client: docker.DockerClient, props: dict[str, Any]
) -> None:
    props["command"] = ["sh", "-c", "echo column exists already >&2; exit 3"]
    with pytest.raises(Failure, match=r"exit code 3; nothing newer was started.*column exists already"):
        OneShotProvider().create(props)
    assert not steps(client, props["stack"])


def test_a_step_that_takes_too_long_is_stopped(client: docker.DockerClient, props: dict[str, Any]) -> None:
    props |= {"command": ["sleep", "60"], "seconds": 1}
    with pytest.raises(Failure, match="stopped after 1 s"):
        OneShotProvider().create(props)
    assert not steps(client, props["stack"])


def test_what_a_killed_update_left_is_removed_and_the_step_runs_again(
    client: docker.DockerClient, props: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {engine.STACK_LABEL: props["stack"], STEP_LABEL: "release"}
    left = client.containers.run(
        props["image"], detach=True, labels=labels, name=f"storestack-{props['stack']}-release"
    )
    OneShotProvider().create(props)
    assert "done" in capsys.readouterr().out
    assert left.id not in {container.id for container in steps(client, props["stack"])}


def test_an_image_that_is_not_there_is_one_line(props: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="release: the container cannot be made"):
        OneShotProvider().create({**props, "image": "storestack/none:0"})


def test_it_runs_again_only_when_a_trigger_changes(props: dict[str, Any]) -> None:
    provider = OneShotProvider()
    assert not provider.diff("", props, {**props, "command": ["other"]}).changes
    assert provider.diff("", props, {**props, "triggers": ["image 2"]}).changes


def test_a_step_cannot_write_to_its_own_root(props: dict[str, Any]) -> None:
    props["command"] = ["sh", "-c", "touch /opt/x"]
    with pytest.raises(Failure, match="Read-only file system"):
        OneShotProvider().create(props)
