"""A task of the load generator on Fargate: what it starts, and what its report admits."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from loadtests.remote import (
    check_reports,
    judge_record,
    master_command,
    read_plan,
    run_master,
    send_report,
    worker_command,
)
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


class Bucket(BaseHTTPRequestHandler):
    """Takes what is put below /reports, and refuses the rest as S3 does."""

    kept: dict[str, bytes]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mine = self.path.startswith("/reports/")
        if mine:
            self.kept[self.path] = body
        self.send_response(200 if mine else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What a bucket named `reports` holds, by path."""
    Bucket.kept = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield Bucket.kept
    server.shutdown()
    server.server_close()


def test_the_report_is_put_into_the_bucket_for_people_and_for_programs(kept: dict[str, bytes]) -> None:
    send_report(judge_record(document(), read_plan(ENVIRONMENT), ENVIRONMENT), "s3://reports/load/")
    assert sorted(path.rpartition(".")[2] for path in kept) == ["html", "json"]
    assert all(path.startswith("/reports/load/average-1970-01-01T") for path in kept)


def test_a_bucket_that_cannot_be_written_stops_the_run_before_its_first_visit(kept: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="nothing can be written to 's3://foreign/load/'"):
        run_master(ENVIRONMENT | {"LOADGEN_REPORTS": "s3://foreign/load/"})
    with pytest.raises(ValueError, match="LOADGEN_REPORTS is 'reports/load'"):
        check_reports("reports/load")
    assert not kept
    check_reports("s3://reports/load/")
    assert list(kept) == ["/reports/load/last-run.txt"]
