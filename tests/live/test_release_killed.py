"""A release killed in its middle harms no shopper, and the next command finishes it."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from loadtests.stack import ROOT, Stack
from tests.live.releasing import KILLS, RATE, drills, image_id, journal, next_version, release, serving
from tests.live.steady_load import steady_load

__all__ = ["drills"]

pytestmark = [
    pytest.mark.usefixtures("drills"),
    pytest.mark.skipif(not KILLS, reason="STORESTACK_DRILL_KILLS says how many: `make drills` kills ten"),
]

# How long a release takes here, about; a kill comes anywhere in it.
SECONDS = float(os.environ.get("STORESTACK_DRILL_SECONDS", "30"))
SEED = int(os.environ.get("STORESTACK_DRILL_SEED", "0")) or random.randrange(1, 1 << 30)


def session(leader: int) -> list[tuple[int, str]]:
    """Number and command of each process that a release has started, itself among them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            command = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append((int(stat.parent.name), command))
    return found


def kill(leader: int, which: str) -> None:
    """SIGKILL to all of a release, to the command alone, or to the engine under it alone."""
    for process, command in session(leader):
        is_engine = "pulumi --non-interactive" in command
        is_command = "ci.release" in command
        if which == "all" or (which == "engine" and is_engine) or (which == "command" and is_command):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue


def test_a_release_killed_at_any_moment_is_finished_by_the_next(stack: Stack) -> None:
    chance = random.Random(SEED)
    image = next_version(stack, f"killed-{SEED}")
    kills = []
    with steady_load(stack, rate=RATE) as record:
        for _ in range(KILLS):
            begun = subprocess.Popen(
                ["make", "--no-print-directory", "release", f"STACK={stack.name}", f"IMAGE={image}"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            moment, which = chance.uniform(1, SECONDS), chance.choice(("all", "command", "engine"))
            kills.append(f"{which} after {moment:.1f} s")
            try:
                begun.wait(moment)
            except subprocess.TimeoutExpired:
                kill(begun.pid, which)
                begun.wait(120)
            assert not record.failures, (SEED, kills, record.failures[:5])
        time.sleep(1)
        finished = release(stack, image)
        assert finished.code == 0, (SEED, kills, finished.said)
    assert not record.failures, (SEED, kills, record.failures[:5])
    assert serving(stack) == image_id(stack, image)
    assert journal(stack)[-1]["event"] == "succeeded"
    left = [
        c.name
        for c in stack.engine.containers.list(all=True, filters={"label": f"storestack.stack={stack.name}"})
    ]
    assert len([name for name in left if "-web-" in str(name)]) == len(stack.containers("web"))
    print(f"seed {SEED}: killed {', '.join(kills)}; {record.answered} requests, none failed")
