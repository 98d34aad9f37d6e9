"""A task of the load generator on Fargate: what it starts, and what its report admits."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.remote import judge_record, master_command, read_plan, worker_command
from loadtests.report import render_html
from tests.loadtests.test_report import record

ENVIRONMENT = {
    "STORESTACK_URL": "https://shop.example.com",
    "LOADGEN_WORKERS": "4",
    "LOADGEN_PROCESSES": "2",
    "LOADGEN_PROFILE": "average",
    "LOADGEN_RATE": "100",
}


def document(**more: Any) -> dict[str, Any]:
    told = {"recording": record(0.05).drain(), "confirmed": [["1", 1, "a@b.example"]], "processor": 0.3}
    told |= {"began": 0.0, "processes": [], "lost": []}
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told | more))
    return found


def test_the_master_waits_for_every_process_and_has_users_for_the_rate() -> None:
    command = master_command(ENVIRONMENT, read_plan(ENVIRONMENT), Path("record.json"))
    assert command[command.index("--expect-workers") + 1] == "4"
    assert command[command.index("-u") + 1] == "3000"
    assert command[command.index("--rate") + 1] == "100.0"
    assert command[command.index("--arrivals") + 1] == "average"


def test_a_worker_starts_a_process_for_each_core() -> None:
    command = worker_command(ENVIRONMENT | {"LOADGEN_MASTER": "10.99.4.7"})
    assert command[command.index("--master-host") + 1] == "10.99.4.7"
    assert command[command.index("--processes") + 1] == "2"


def test_a_worker_without_a_master_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="LOADGEN_MASTER"):
        worker_command(ENVIRONMENT)


def test_the_report_admits_that_the_ledgers_were_not_checked() -> None:
    report = judge_record(document(), read_plan(ENVIRONMENT), ENVIRONMENT)
    assert report.held
    assert report.stack == "shop.example.com"
    assert "ledgers were not checked" in render_html(report)


def test_a_lost_worker_makes_the_run_void() -> None:
    report = judge_record(document(lost=["process 2 of 4 was lost"]), read_plan(ENVIRONMENT), ENVIRONMENT)
    assert report.void == ["process 2 of 4 was lost"]
    assert not report.held
