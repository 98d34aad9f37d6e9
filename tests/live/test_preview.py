"""A preview environment: beside the others, with data of its own, and gone when its time is over."""

import json
import os
from collections.abc import Iterator

import pytest

from loadtests.stack import ROOT, Stack, find_stack, make
from tests.live.releasing import KILLS, serving, settings_of

pytestmark = pytest.mark.skipif(not KILLS, reason="`make drills` brings up a preview beside the stack")

NAME = f"pr-{os.getpid()}"


@pytest.fixture
def preview(stack: Stack) -> Iterator[Stack]:
    made = make("up", NAME, "TTL=2h")
    try:
        assert made.returncode == 0, made.stdout + made.stderr
        assert f"{NAME} is a preview: `make expire` removes it after " in made.stdout
        yield find_stack(NAME)
    finally:
        make("down", NAME, "DATA=delete")


def test_a_preview_stands_beside_the_others_and_leaves_nothing_when_it_is_over(
    stack: Stack, preview: Stack
) -> None:
    image, settings = serving(stack), settings_of(stack)
    with preview.client() as client:
        assert client.get("/api/v1/products?limit=1").json()["items"], "it has the sample catalogue"
    assert preview.url != stack.url

    kept = make("expire", NAME)
    assert kept.returncode == 0, kept.stderr
    assert f"{NAME} stays until " in kept.stdout
    note = ROOT / ".state" / NAME / "preview.json"
    over = json.loads(note.read_text()) | {"expires": "2020-01-01T00:00:00+00:00"}
    note.write_text(json.dumps(over))
    expired = make("expire", NAME)
    assert expired.returncode == 0, expired.stdout + expired.stderr

    engine = stack.engine
    label: dict[str, str | list[str] | bool] = {"label": f"storestack.stack={NAME}"}
    assert not engine.containers.list(all=True, filters=label)
    assert not engine.networks.list(filters=label)
    assert not engine.volumes.list(filters=label)
    assert not engine.images.list(name=f"storestack-{NAME}/release")
    assert not [file for file in (ROOT / ".state").rglob("*") if NAME in file.name]
    assert not (ROOT / f"Pulumi.{NAME}.yaml").exists()
    assert serving(stack) == image
    assert settings_of(stack) == settings
