"""The audit log, and what can be gone back to."""

from pathlib import Path

import pytest

from ci.deployment import DeploymentError
from ci.release import journal
from ci.release.journal import Attempt


def run(verb: str, image: str) -> None:
    with journal.record("shop", verb, Attempt(f"v-{image}", image, "c0ffee")):
        pass


def images() -> list[str]:
    return [entry.image for entry in journal.line_of(journal.read("shop"))]


def test_a_release_has_a_start_and_an_end(state: Path) -> None:
    run("release", "a")
    started, ended = journal.read("shop")
    assert (started.event, ended.event) == ("started", "succeeded")
    assert started.release == ended.release
    assert ended.who
    assert ended.commit == "c0ffee"


def test_what_the_update_finds_out_stands_in_the_end(state: Path) -> None:
    attempt = Attempt("1", "", "c0ffee")
    with journal.record("shop", "up", attempt):
        attempt.image = "a"
    assert [entry.image for entry in journal.read("shop")] == ["", "a"]


def test_a_failed_release_tells_its_reason_in_one_line_and_is_never_live(state: Path) -> None:
    run("release", "a")
    with (
        pytest.raises(DeploymentError),
        journal.record("shop", "release", Attempt("2", "b", "x")),
    ):
        raise DeploymentError("no such column\nand more")
    last = journal.read("shop")[-1]
    assert (last.event, last.reason) == ("failed", "no such column")
    assert images() == ["a"]


def test_a_killed_release_is_named_by_the_next_one(state: Path) -> None:
    run("release", "a")
    path = journal.path("shop")
    before = path.read_bytes()
    started = (
        before.splitlines(keepends=True)[0].replace(b'"a"', b'"b"').replace(b'"release": "', b'"release": "z')
    )
    path.write_bytes(before + started)
    run("release", "c")
    events = [(entry.image, entry.event) for entry in journal.read("shop")]
    assert events[2:] == [("b", "started"), ("b", "killed"), ("c", "started"), ("c", "succeeded")]
    assert path.read_bytes().startswith(before), "lines are only ever added"
    assert images() == ["a", "c"]


def test_a_line_cut_short_hides_no_other(state: Path) -> None:
    run("release", "a")
    with journal.path("shop").open("a") as file:
        file.write('{"release": "x", "at"\n')
    run("release", "b")
    assert images() == ["a", "b"]


def test_bringing_the_same_image_up_again_changes_neither_who_nor_when(state: Path) -> None:
    run("release", "a")
    first = journal.line_of(journal.read("shop"))[-1]
    run("up", "a")
    assert journal.line_of(journal.read("shop")) == [first]


def test_going_back_twice_goes_back_two_releases(state: Path) -> None:
    for image in "abc":
        run("release", image)
    run("rollback", "b")
    assert images() == ["a", "b"]
    run("rollback", "a")
    assert images() == ["a"]
    run("release", "c")
    assert images() == ["a", "c"]
