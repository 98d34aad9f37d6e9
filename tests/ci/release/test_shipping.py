"""What a stack can go back to."""

from pathlib import Path

from ci import environments
from ci.release import journal, shipping
from ci.release.journal import Attempt

LIVE, BEFORE, BROKEN = ("sha256:" + letter * 64 for letter in "abc")


def pin(image: str) -> None:
    environments.path("shop").write_text(f"config:\n  store:image: {image}\n  store:bundled: 'true'\n")


def test_a_rollback_goes_to_the_version_before_the_live_one(state: Path) -> None:
    for image in (BEFORE, LIVE):
        with journal.record("shop", "release", Attempt("1", image, "c0ffee")):
            pass
    pin(LIVE)
    assert [entry.image for entry in shipping.behind("shop")] == [BEFORE]


def test_going_back_from_a_killed_release_is_to_what_serves(state: Path) -> None:
    for image in (BEFORE, LIVE):
        with journal.record("shop", "release", Attempt("1", image, "c0ffee")):
            pass
    pin(BROKEN)
    assert [entry.image for entry in shipping.behind("shop")] == [BEFORE, LIVE]
