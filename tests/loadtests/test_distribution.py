"""Several processes bring one plan: all of it, once, and what they measured adds up."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.recording import read_percentile
from tests.loadtests.test_arrivals import planned_server, read_recording, start_locust
from tests.ports import free_port

PLAN = ["--arrivals", "60", "--seconds", "5"]


def read_document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return document


def start_apart(port: int, folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], ...]:
    """A master and two workers, as on three machines."""
    meeting = str(free_port())
    master = ["--master", "--expect-workers", "2", "--master-bind-port", meeting]
    return (
        start_locust(port, folder / "master.json", *master, *options),
        *(
            start_locust(port, folder / f"{name}.json", "--worker", "--master-port", meeting)
            for name in ("first", "second")
        ),
    )


def test_processes_of_one_machine_bring_the_whole_plan_once(tmp_path: Path) -> None:
    with planned_server("--latency", "0.02") as port:
        run = start_locust(port, tmp_path / "it.json", "-u", "60", "--processes", "3", *PLAN)
        assert run.wait(90) == 0
    document, seen = read_document(tmp_path / "it.json"), read_recording(tmp_path / "it.json")
    assert document["lost"] == []
    assert [process["planned"] for process in document["processes"]] == [100, 100, 100]
    assert all(process["processor"] > 0 for process in document["processes"])
    assert seen.planned == 300
    assert seen.groups["get"].count + seen.dropped == 300
    assert read_percentile(seen.groups["get"].latency, 1) == pytest.approx(0.021, abs=0.005)


def test_a_master_and_workers_apart_count_what_was_dropped_in_total(tmp_path: Path) -> None:
    """Each worker has 6 users of 0.2 s: 30 a second of its 45, so 2 of 6 arrivals are dropped by each."""
    with planned_server("--latency", "0.2") as port:
        master, *workers = start_apart(port, tmp_path, "-u", "12", "--arrivals", "90", "--seconds", "5")
        assert master.wait(90) == 0
        assert [worker.wait(30) for worker in workers] == [0, 0]
    seen = read_recording(tmp_path / "master.json")
    assert seen.planned == 450
    assert seen.groups["get"].count + seen.dropped == 450
    assert 100 <= seen.dropped <= 350
    assert not (tmp_path / "first.json").exists(), "a worker tells its master, and nobody else"


def test_a_worker_that_dies_is_said_and_ends_the_run(tmp_path: Path) -> None:
    with planned_server() as port:
        master, first, second = start_apart(port, tmp_path, "-u", "20", "--arrivals", "20", "--seconds", "60")
        time.sleep(12)
        second.kill()
        assert master.wait(60) is not None
        first.wait(30)
    document = read_document(tmp_path / "master.json")
    (reason,) = document["lost"]
    assert "of the generator was lost" in reason
    assert read_recording(tmp_path / "master.json").groups["get"].count > 0


def test_an_interrupted_run_of_several_processes_tells_what_it_measured(tmp_path: Path) -> None:
    with planned_server() as port:
        run = start_locust(
            port, tmp_path / "it.json", "-u", "20", "--processes", "2", "--arrivals", "20", "--seconds", "60"
        )
        time.sleep(14)
        run.send_signal(signal.SIGINT)
        run.wait(60)
    seen = read_recording(tmp_path / "it.json")
    assert seen.groups["get"].count > 20
    assert seen.planned < 1000
