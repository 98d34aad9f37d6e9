"""The stack as its operator meets it: clean previews, mistakes named, a killed `up` continued by the next."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from time import sleep

import httpx
import pytest

from loadtests.stack import ROOT, Stack, make, pulumi
from tests.live.shopping import buy, find_item


@pytest.fixture
def settings(stack: Stack) -> Iterator[None]:
    """The stack's settings file is put back after the test."""
    path = ROOT / f"Pulumi.{stack.name}.yaml"
    before = path.read_text()
    yield
    path.write_text(before)


def test_an_unchanged_stack_previews_without_any_change(stack: Stack) -> None:
    assert "unchanged" in pulumi(stack.name, "preview", "--expect-no-changes")


def test_the_outputs_tell_where_the_store_is_and_no_secret(stack: Stack) -> None:
    outputs = json.loads(make("outputs", stack.name).stdout)
    assert outputs["url"] == stack.url
    assert "BEGIN CERTIFICATE" in outputs["ca_certificate"]
    assert outputs["version"]
    assert stack.outputs["shopper_key"] not in json.dumps(outputs)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("edge:https_port", "99999"),
        ("store:web", "many"),
        ("network:subnet", "300.0.0.0/24"),
        ("edge:htps_port", "1"),
    ],
)
def test_a_wrong_setting_stops_up_with_one_line_that_names_it(
    stack: Stack, settings: None, key: str, value: str
) -> None:
    before = [container.id for container in stack.containers()]
    pulumi(stack.name, "config", "set", key, value)
    refused = make("up", stack.name)
    assert refused.returncode != 0
    lines = [line for line in (refused.stdout + refused.stderr).splitlines() if key in line]
    assert len(lines) == 1, refused.stdout + refused.stderr
    assert [container.id for container in stack.containers()] == before


def test_a_killed_up_is_continued_by_the_next(stack: Stack, client: httpx.Client, settings: None) -> None:
    pulumi(stack.name, "config", "set", "store:web_memory_mb", "400")
    command = ["make", "up", f"STACK={stack.name}"]
    for seconds in (4, 9):
        running = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        sleep(seconds)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert client.get("/api/v1/products?limit=1").status_code == 200
    continued = make("up", stack.name)
    assert continued.returncode == 0, continued.stdout + continued.stderr
    pulumi(stack.name, "preview", "--expect-no-changes")
    assert len(stack.containers("web")) == 3
    limits = {container.attrs["HostConfig"]["Memory"] for container in stack.containers("web")}
    assert limits == {400 * 1024 * 1024}


def leave_unrecorded(stack: Stack) -> None:
    """A container that the state knows nothing of, as an update killed at the wrong moment leaves one."""
    worker = stack.container("worker")
    stack.engine.containers.run(
        str(worker.attrs["Image"]),
        ["sleep", "600"],
        detach=True,
        labels={"storestack.stack": stack.name},
        network=next(iter(worker.attrs["NetworkSettings"]["Networks"])),
        volumes_from=[str(worker.id)],
    )


def test_down_keeps_the_data_and_the_next_up_finds_it(stack: Stack) -> None:
    with stack.client() as client:
        item = find_item(client, query="mug")
        # What the API says of stock may be some seconds old, and others have been buying.
        stack.run("web", ["python", "-m", "app", "stock", str(item.variant_id), "10"])
        bought = buy(client, item)
    assert bought.status_code == 201, bought.text
    order = bought.json()["order"]
    leave_unrecorded(stack)
    removed = make("down", stack.name)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert "DATA=delete" in removed.stdout
    assert not stack.containers()
    restored = make("up", stack.name)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    with stack.client() as client:
        kept = client.get(f"/api/v1/orders/{order['number']}", params={"token": order["token"]})
    assert kept.raise_for_status().json()["number"] == order["number"]
