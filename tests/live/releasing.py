"""What the release drills share: trial images, releases as people make them, and how long a drill is."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtests.releases import build_image
from loadtests.stack import ROOT, Stack, make

FOREIGN_STORE = Path(__file__).parent / "foreign_store"
# Short in `make test`; `make drills` takes the long ones.
REQUESTS = int(os.environ.get("STORESTACK_DRILL_REQUESTS", "200"))
RELEASES = int(os.environ.get("STORESTACK_DRILL_RELEASES", "1"))
TOTAL = int(os.environ.get("STORESTACK_DRILL_TOTAL", "200"))
# None in `make test`, where test_stack kills an `up`.
KILLS = int(os.environ.get("STORESTACK_DRILL_KILLS", "0"))
RATE = float(os.environ.get("STORESTACK_DRILL_RATE", "50"))


def next_version(stack: Stack, tag: str) -> str:
    """An image that is as good as the one that serves, and another."""
    return build_image(stack, tag, f"FROM {current_image(stack)}\nENV RELEASE={tag}\n")


def image_id(stack: Stack, name: str) -> str:
    return str(stack.engine.images.get(name).id)


def current_image(stack: Stack) -> str:
    return str(stack.containers("web")[0].attrs["Image"])


def serving(stack: Stack) -> str:
    """The digest that the store itself tells through the edge."""
    with stack.client() as client:
        return str(client.get("/info").raise_for_status().json()["image"])


def settings_of(stack: Stack) -> str:
    return (ROOT / f"Pulumi.{stack.name}.yaml").read_text()


def journal(stack: Stack) -> list[dict[str, str]]:
    """The audit log, as the command prints it for machines."""
    file = ROOT / ".state" / stack.name / "releases.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


@dataclass(frozen=True)
class Outcome:
    """How a release ended: its exit code, all it said, and its errors alone."""

    code: int
    said: str
    errors: list[str]


def release(stack: Stack, image: str) -> Outcome:
    """`make release` to its end."""
    done = make("release", stack.name, f"IMAGE={image}")
    errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    return Outcome(done.returncode, done.stdout + done.stderr, errors)


@pytest.fixture(scope="module")
def drills(stack: Stack) -> Iterator[None]:
    """Afterwards the stack is as it was before the first drill of the file, and no trial image is left."""
    before = settings_of(stack)
    yield
    (ROOT / f"Pulumi.{stack.name}.yaml").write_text(before)
    restored = make("up", stack.name)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    for image in stack.engine.images.list(name=f"storestack-{stack.name}-trial"):
        stack.engine.images.remove(str(image.id), force=True)
