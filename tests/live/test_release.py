"""Releases under load: a good one goes unnoticed, a bad one takes no traffic, and no request fails."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from ci.release import journal as audit
from loadtests.releases import build_image
from loadtests.stack import ROOT, Stack, make, pulumi
from tests.live.releasing import (
    FOREIGN_STORE,
    RATE,
    RELEASES,
    REQUESTS,
    TOTAL,
    current_image,
    drills,
    image_id,
    journal,
    next_version,
    release,
    serving,
    settings_of,
)
from tests.live.steady_load import steady_load

__all__ = ["drills"]

pytestmark = pytest.mark.usefixtures("drills")

# A release whose migration fails, whatever its web containers would do.
UNMIGRATABLE = """
ENTRYPOINT ["sh", "-c", "case \\"$*\\" in *release*) echo no such column >&2; exit 3; esac; exec \\"$@\\"", \\
  "-"]
"""


@pytest.fixture
def settings(stack: Stack) -> Iterator[None]:
    """The test may change settings by `pulumi config set`; afterwards they and the stack are as before."""
    before = settings_of(stack)
    yield
    (ROOT / f"Pulumi.{stack.name}.yaml").write_text(before)
    restored = make("up", stack.name)
    assert restored.returncode == 0, restored.stdout + restored.stderr


def test_good_releases_and_a_rollback_fail_no_request(stack: Stack) -> None:
    first = current_image(stack)
    images = [next_version(stack, f"next-{number}") for number in range(RELEASES)]
    with steady_load(stack, rate=RATE, at_least=TOTAL) as record:
        for image in images:
            old = {container.id for container in stack.containers("web")}
            released = release(stack, image)
            assert released.code == 0, released.said
            assert serving(stack) == image_id(stack, image)
            assert old.isdisjoint(container.id for container in stack.containers("web"))
        back = make("rollback", stack.name)
        assert back.returncode == 0, back.stdout + back.stderr
        assert "never undoes" in back.stdout
    assert not record.failures, record.failures[:5]
    assert record.answered >= TOTAL
    assert serving(stack) == ([first, *(image_id(stack, image) for image in images)][-2])
    assert len(record.images) == 1 + len(images), "every version was seen serving"
    print(f"{len(images)} releases and a rollback, {record.answered} requests, none failed")


def test_what_is_live_is_told_with_its_digest_and_who_brought_it(stack: Stack) -> None:
    told = make("live", stack.name)
    assert told.returncode == 0, told.stderr
    assert serving(stack) in told.stdout
    assert journal(stack)[-1]["event"] == "succeeded"
    live = audit.line_of(audit.read(stack.name))[-1]
    assert f"{live.who}, by {live.verb}" in told.stdout
    assert live.at in told.stdout, "since when, whatever has been brought up again meanwhile"


def test_the_second_of_two_releases_is_told_of_the_first_and_changes_nothing(stack: Stack) -> None:
    before = settings_of(stack)
    lock = ROOT / ".state" / "locks" / f"{stack.name}.lock"
    # The words of its last holder stay in it until the next one comes.
    last = lock.read_text()
    first = subprocess.Popen(
        ["make", "--no-print-directory", "up", f"STACK={stack.name}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        while lock.read_text() in ("", last) and first.poll() is None:
            time.sleep(0.05)
        second = release(stack, current_image(stack))
    finally:
        first.communicate()
    assert first.returncode == 0
    assert second.code != 0
    (line,) = second.errors
    assert f"{stack.name} is held by `make up STACK={stack.name}` of " in line
    assert ", since " in line
    assert settings_of(stack) == before


def crashing(stack: Stack) -> str:
    return build_image(stack, "crashing", f'FROM {current_image(stack)}\nCMD ["false"]\n')


def never_healthy(stack: Stack) -> str:
    return build_image(stack, "hanging", f'FROM {current_image(stack)}\nCMD ["sleep", "3600"]\n')


def unmigratable(stack: Stack) -> str:
    return build_image(stack, "unmigratable", f"FROM {current_image(stack)}{UNMIGRATABLE}")


def answering_500(stack: Stack) -> str:
    dockerfile = f"FROM {current_image(stack)}\nCOPY store.pl /srv/store.pl\n"
    dockerfile += 'ENV BROKEN=1\nCMD ["perl", "/srv/store.pl"]\n'
    return build_image(stack, "broken", dockerfile, {"store.pl": (FOREIGN_STORE / "store.pl").read_text()})


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (crashing, "after 15 s at most"),
        (never_healthy, "after 15 s at most"),
        (unmigratable, "no such column"),
        (answering_500, "answered 500"),
    ],
)
def test_a_broken_release_takes_no_traffic_and_says_why(
    stack: Stack, broken: Callable[[Stack], str], reason: str
) -> None:
    if broken in (crashing, never_healthy):
        # What never gets well is refused sooner; a good image has the usual time.
        pulumi(stack.name, "config", "set", "store:ready_seconds", "15")
    before, image = settings_of(stack), serving(stack)
    # Not those that the release before this one left, which never took traffic.
    old = {container.id for container in stack.containers("web") if container.attrs["Image"] == image}
    with steady_load(stack, rate=RATE, at_least=REQUESTS) as record:
        released = release(stack, broken(stack))
    assert settings_of(stack) == before
    if broken in (crashing, never_healthy):
        pulumi(stack.name, "config", "rm", "store:ready_seconds")
    assert released.code != 0, released.said
    (line,) = released.errors
    assert reason in line
    assert journal(stack)[-1]["event"] == "failed"
    assert journal(stack)[-1]["reason"] == line
    assert not record.failures, record.failures[:5]
    assert record.answered >= REQUESTS
    assert set(record.images) == {image}, "only the version before was seen serving"
    assert serving(stack) == image
    assert old <= {container.id for container in stack.containers("web")}
    print(f"{line} — {record.answered} requests, none failed")


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
        "store:release_command": "perl /srv/store.pl release",
        "store:sample_data": "false",
        "store:workers": "0",
    }.items():
        pulumi(stack.name, "config", "set", key, value)
    hosted = release(stack, image)
    assert hosted.code == 0, hosted.said
    with stack.client() as client:
        assert "A store written in Perl" in client.get("/?foreign").text
