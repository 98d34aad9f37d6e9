"""One change of a stack at a time, whoever dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ci.deployment import DeploymentError
from ci.release import lock
from ci.toolchain.cache import CHECKOUT

HOLDER = """
import sys, time
from pathlib import Path
from ci import deployment
from ci.release import lock
deployment.STATE = Path(sys.argv[1])
with lock.hold("shop", "make release STACK=shop"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(state: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_release_is_told_who_holds_the_stack_since_when(
    state: Path, holder: "subprocess.Popen[str]"
) -> None:
    try:
        with pytest.raises(DeploymentError) as caught, lock.hold("shop", "make rollback STACK=shop"):
            pytest.fail("two held it")
    finally:
        holder.kill()
        holder.communicate()
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "`make release STACK=shop`" in said
    assert f"process {holder.pid}" in said
    assert "since 2" in said


def test_another_stack_is_free_meanwhile(state: Path, holder: "subprocess.Popen[str]") -> None:
    try:
        with lock.hold("other", "make up STACK=other"):
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_the_lock_of_a_killed_release_is_taken_over_at_once(
    state: Path, holder: "subprocess.Popen[str]"
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with lock.hold("shop", "make release STACK=shop"):
        assert f'"process": {os.getpid()}' in lock.path("shop").read_text()


def test_who_holds_a_removed_stacks_lock_keeps_nobody_out(state: Path) -> None:
    with lock.hold("shop", "make down STACK=shop"):
        lock.forget("shop")
        with lock.hold("shop", "make up STACK=shop"), pytest.raises(DeploymentError, match="make up"):
            lock.take("shop")
