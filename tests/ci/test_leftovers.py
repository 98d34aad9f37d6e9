"""Leftovers of killed runs: a dead run's lock goes, a living one's stays, refused containers go."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ci import leftovers
from ci.deployment import DeploymentError
from ci.leftovers import ADMISSION, is_alive, is_refused, locks, unlock


def lock(pid: int, hostname: str | None = None) -> dict[str, Any]:
    return {"pid": pid, "hostname": hostname or socket.gethostname()}


def test_the_lock_of_a_dead_process_is_dead() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not is_alive(lock(gone.pid))


def test_a_number_that_another_program_has_now_is_dead() -> None:
    assert not is_alive(lock(1))


def test_a_lock_of_another_machine_counts_as_alive() -> None:
    assert is_alive(lock(1, "elsewhere"))


def test_a_running_update_keeps_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "storestack" / "a"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps(lock(os.getpid(), "elsewhere")))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 0)
    assert len(locks("a")) == 1
    with pytest.raises(DeploymentError, match="another update of a runs"):
        unlock("a")


def test_other_backends_keep_their_own_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    assert locks("a") == []


@pytest.mark.parametrize(
    ("name", "delete", "refused"),
    [
        ("storestack-a-web-1-old", True, False),
        ("storestack-a-web-1-broken", True, True),
        ("storestack-a-web-1-broken", False, False),
        ("storestack-a-worker-1-old", True, False),
    ],
)
def test_only_web_containers_that_take_no_traffic_go_early(name: str, delete: bool, refused: bool) -> None:
    resource = {"type": ADMISSION, "delete": delete, "outputs": {"name": name}}
    assert is_refused(resource, {"storestack-a-web-1-old"}) is refused


def start_provider(engine: str) -> "subprocess.Popen[bytes]":
    """What looks like a dynamic provider of this checkout, on an engine at that address."""
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "-m", "pulumi.dynamic", engine]
    )


def test_a_provider_that_outlived_its_engine_is_ended_and_no_other() -> None:
    with socket.socket() as engine, socket.socket() as gone:
        engine.bind(("127.0.0.1", 0))
        engine.listen()
        # Bound and never listening: nobody answers there.
        gone.bind(("127.0.0.1", 0))
        orphan = start_provider(f"127.0.0.1:{gone.getsockname()[1]}")
        working = start_provider(f"127.0.0.1:{engine.getsockname()[1]}")
        try:
            time.sleep(0.2)
            assert orphan.pid in leftovers.silence()
            assert orphan.wait(5) != 0
            assert working.poll() is None
        finally:
            working.kill()
            working.wait()
            orphan.kill()
