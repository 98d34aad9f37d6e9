"""Releases under load: a good one goes unnoticed, a bad one takes no traffic, and no request fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.releases import build_image
from loadtests.stack import ROOT, Stack, make, pulumi
from tests.live.steady_load import steady_load

FOREIGN_STORE = Path(__file__).parent / "foreign_store"


@pytest.fixture
def settings(stack: Stack) -> Iterator[None]:
    """The test may change settings by `pulumi config set`; afterwards they and the stack are as before."""
    before = (ROOT / f"Pulumi.{stack.name}.yaml").read_text()
    yield
    (ROOT / f"Pulumi.{stack.name}.yaml").write_text(before)
    restored = make("up", stack.name)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    for image in stack.engine.images.list(name=f"storestack-{stack.name}-trial"):
        stack.engine.images.remove(str(image.id), force=True)


def current_image(stack: Stack) -> str:
    return str(stack.containers("web")[0].attrs["Image"])


def serving(stack: Stack) -> str:
    with stack.client() as client:
        return str(client.get("/info").raise_for_status().json()["image"])


def test_a_new_version_ships_under_load_and_no_request_fails(stack: Stack, settings: None) -> None:
    old = {container.id for container in stack.containers("web")}
    image = build_image(stack, "next", f"FROM {current_image(stack)}\nENV RELEASE=next\n")
    with steady_load(stack) as record:
        pulumi(stack.name, "config", "set", "store:image", image)
        released = make("up", stack.name)
    assert released.returncode == 0, released.stdout + released.stderr
    assert record.answered > 200
    assert not record.failures, record.failures[:5]
    assert old.isdisjoint(container.id for container in stack.containers("web"))
    assert len(record.images) == 2, "both versions were seen serving"


def test_an_image_that_answers_500_is_never_admitted(stack: Stack, settings: None) -> None:
    before = serving(stack)
    dockerfile = f"FROM {current_image(stack)}\nCOPY store.pl /srv/store.pl\n"
    dockerfile += 'ENV BROKEN=1\nCMD ["perl", "/srv/store.pl"]\n'
    script = (FOREIGN_STORE / "store.pl").read_text()
    image = build_image(stack, "broken", dockerfile, {"store.pl": script})
    with steady_load(stack) as record:
        pulumi(stack.name, "config", "set", "store:image", image)
        released = make("up", stack.name)
    assert released.returncode != 0
    assert "500" in released.stdout + released.stderr
    assert not record.failures, record.failures[:5]
    assert serving(stack) == before
    assert set(record.images) == {before}


def test_an_image_that_never_gets_healthy_leaves_the_old_version_serving(
    stack: Stack, settings: None
) -> None:
    before = serving(stack)
    image = build_image(stack, "crashing", f'FROM {current_image(stack)}\nCMD ["false"]\n')
    with steady_load(stack) as record:
        pulumi(stack.name, "config", "set", "store:image", image)
        released = make("up", stack.name)
    assert released.returncode != 0
    assert not record.failures, record.failures[:5]
    assert serving(stack) == before


def test_a_failing_migration_stops_the_release(stack: Stack, settings: None) -> None:
    before = {container.id for container in stack.containers("web")}
    image = build_image(stack, "unmigratable", f"FROM {current_image(stack)}\nENV RELEASE=unmigratable\n")
    with steady_load(stack) as record:
        pulumi(stack.name, "config", "set", "store:image", image)
        failing = "sh -c 'echo no such column >&2; exit 3'"
        pulumi(stack.name, "config", "set", "store:release_command", failing)
        released = make("up", stack.name)
    assert released.returncode != 0
    assert "no such column" in released.stdout + released.stderr
    assert not record.failures, record.failures[:5]
    assert {container.id for container in stack.containers("web")} == before


def test_a_change_of_edge_and_balancer_is_a_reload_that_nobody_notices(stack: Stack, settings: None) -> None:
    before = {stack.container("edge").id, stack.container("balancer").id}
    with steady_load(stack) as record:
        pulumi(stack.name, "config", "set", "edge:pages_per_second", "77")
        pulumi(stack.name, "config", "set", "balancer:queue_seconds", "7")
        changed = make("up", stack.name)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert {stack.container("edge").id, stack.container("balancer").id} == before
    assert not record.failures, record.failures[:5]
    assert "rate=77r/s" in stack.run("edge", ["cat", "/etc/storestack/nginx.conf"])


def test_a_store_in_another_language_takes_the_bundled_ones_place(stack: Stack, settings: None) -> None:
    dockerfile = 'FROM debian:trixie-slim\nCOPY store.pl /srv/store.pl\nCMD ["perl", "/srv/store.pl"]\n'
    image = build_image(stack, "foreign", dockerfile, {"store.pl": (FOREIGN_STORE / "store.pl").read_text()})
    for key, value in {
        "store:image": image,
        "store:release_command": "perl /srv/store.pl release",
        "store:sample_data": "false",
        "store:workers": "0",
    }.items():
        pulumi(stack.name, "config", "set", key, value)
    hosted = make("up", stack.name)
    assert hosted.returncode == 0, hosted.stdout + hosted.stderr
    with stack.client() as client:
        assert "A store written in Perl" in client.get("/?foreign").text
