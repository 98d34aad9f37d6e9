"""A part of the toolchain is in its place whole or not at all, whoever is killed when."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ci.toolchain.cache import CHECKOUT, build_aside, hold_lock, locate_cache

# Holds the lock, begins to build, says so, and waits to be killed.
KILLED_BUILD = """
import sys, time
from pathlib import Path
from ci.toolchain.cache import build_aside, hold_lock
with hold_lock("part", print), build_aside(Path(sys.argv[1])) as partial:
    (partial / "half").touch()
    print("building", flush=True)
    time.sleep(60)
"""


def start_build(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_BUILD, target], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "building\n"
    return process


def test_a_part_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "part"
    with build_aside(target) as partial:
        (partial / "file").write_text("whole")
        assert not target.exists()
    assert (target / "file").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), build_aside(tmp_path / "part") as partial:
        (partial / "file").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failed_rebuild_keeps_what_was_there(tmp_path: Path) -> None:
    with build_aside(tmp_path / "part") as partial:
        (partial / "file").write_text("first")
    with pytest.raises(RuntimeError), build_aside(tmp_path / "part"):
        raise RuntimeError
    assert (tmp_path / "part" / "file").read_text() == "first"


def test_a_rebuild_replaces_what_was_there(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with build_aside(tmp_path / "part") as partial:
            (partial / "file").write_text(content)
    assert (tmp_path / "part" / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [tmp_path / "part"]


def test_a_killed_run_frees_its_lock_and_the_next_one_clears_its_debris(cache: Path) -> None:
    target = cache / "part"
    process = start_build(target)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    announced: list[str] = []
    with hold_lock("part", announced.append), build_aside(target) as partial:
        (partial / "file").touch()
    assert announced == []
    assert {entry.name for entry in cache.iterdir()} == {"part", "locks"}


def test_a_second_run_says_whom_it_waits_for(cache: Path) -> None:
    process = start_build(cache / "part")

    def announce_and_end(text: str) -> None:
        announced.append(text)
        process.kill()

    announced: list[str] = []
    with hold_lock("part", announce_and_end):
        assert announced == [f"waiting for another run (process {process.pid}) to finish it"]
    process.wait()


def test_the_cache_follows_the_machines_convention(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate_cache() == cache
    # The convention says that a relative one is ignored.
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert locate_cache() == Path.home() / ".cache" / "storestack"
