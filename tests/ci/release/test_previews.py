"""Previews: made by name or wish, renewed by use, removed when over, and never a stack that is to stay."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci import environments
from ci.deployment import DeploymentError
from ci.release import previews


def make(stack: str) -> None:
    text = environments.FILE.format(stack=stack, salt="v1:x", https=8450, http=8087, subnet="10.203.9.0/24")
    environments.path(stack).write_text(text)


@pytest.fixture
def checkout(state: Path) -> Path:
    environments.path("local").write_text("# Ours.\nconfig:\n  edge:https_port: 8443\n")
    return state


@pytest.mark.parametrize(
    ("text", "time"),
    [("90m", timedelta(minutes=90)), ("72h", timedelta(days=3)), ("7d", timedelta(days=7))],
)
def test_a_time_to_live_has_a_unit(text: str, time: timedelta) -> None:
    assert previews.parse(text) == time


@pytest.mark.parametrize("text", ["", "7", "0h", "-1d", "1w", "7 d"])
def test_any_other_words_are_quoted_back(text: str) -> None:
    with pytest.raises(DeploymentError, match=f'"{text}" does not do'):
        previews.parse(text)


def test_a_pull_requests_stack_lives_three_days_from_its_last_use(checkout: Path) -> None:
    make("pr-7")
    previews.note("pr-7", "")
    (found,) = previews.find()
    assert timedelta(hours=71) < found.expires - datetime.now(UTC) <= timedelta(hours=72)


def test_a_wished_time_is_kept_at_the_next_use(checkout: Path) -> None:
    make("demo")
    previews.note("demo", "")
    assert not previews.find(), "no preview unless one wishes it"
    previews.note("demo", "7d")
    previews.note("demo", "")
    (found,) = previews.find()
    assert found.expires - datetime.now(UTC) > timedelta(days=6)


def test_a_stack_with_settings_of_its_own_is_never_a_preview(checkout: Path) -> None:
    with pytest.raises(DeploymentError, match="local has settings of its own"):
        previews.note("local", "1h")
    # Not even when someone writes the note by hand.
    previews.path("local").parent.mkdir(parents=True)
    previews.path("local").write_text(json.dumps({"lifetime": "1h", "expires": "2020-01-01T00:00:00+00:00"}))
    assert not previews.find()
    assert not previews.is_preview("local")


def test_only_what_is_over_is_removed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack, lifetime in (("pr-1", "1h"), ("pr-2", "2d")):
        make(stack)
        previews.note(stack, lifetime)
    removed: list[tuple[str, bool]] = []
    monkeypatch.setattr("ci.down.take_down", lambda stack, *, delete: removed.append((stack, delete)))
    later = datetime.now(UTC) + timedelta(hours=3)
    assert previews.expire(later, dry_run=True) == 0
    assert not removed
    assert previews.expire(later, dry_run=False) == 0
    assert removed == [("pr-1", True)]
    assert "pr-2 stays until" in capsys.readouterr().out
