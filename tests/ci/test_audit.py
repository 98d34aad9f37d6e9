"""`make audit` against an OSV server of the test's own."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ci import audit
from ci.audit import NotAuditedError, list_locks
from ci.toolchain.cache import CHECKOUT

LOCK = f"alpha==1.0 --hash=sha256:{'0' * 64}\nbeta==2.0 --hash=sha256:{'1' * 64}\n"
HOLE = {
    "id": "OSV-1",
    "summary": "A hole",
    "details": "It is there.",
    "affected": [
        {
            "package": {"name": "alpha", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
            "versions": ["1.0"],
        }
    ],
}


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"vulns": [HOLE]} if asked["package"]["name"] == "alpha" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "store.lock").write_text(LOCK)
    monkeypatch.setattr(audit, "CHECKOUT", tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["ci.audit", *arguments])
    return audit.main()


def test_a_known_hole_fails_and_is_told_with_the_version_that_mends_it(
    checkout: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--database", database) == 1
    shown = capsys.readouterr()
    assert shown.err == "alpha 1.0: OSV-1; fixed in 1.1\n"
    assert shown.out == "audit: 2 packages of 1 locks, 1 known vulnerabilities\n"


def test_no_known_hole_passes(checkout: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "requirements" / "store.lock").write_text(LOCK.splitlines()[1])
    assert run(monkeypatch, "--database", database) == 0


def test_where_no_database_answers_it_says_not_audited(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "http://127.0.0.1:9/v1/query"
    assert run(monkeypatch, "--database", nobody) == 0
    assert "not audited: " in capsys.readouterr().err
    assert run(monkeypatch, "--database", nobody, "--require") == 2


def test_every_lock_of_the_checkout_is_one_that_can_be_audited() -> None:
    locks = list_locks(CHECKOUT)
    assert {lock.name for lock in locks} >= {"store.lock", "kit.lock", "dev.lock", "aws.lock", "uv.lock"}
    with pytest.raises(NotAuditedError, match=r"127\.0\.0\.1"):
        audit.audit(locks, "http://127.0.0.1:9/v1/query")
