"""The scan asks a database; without an answer it never says that an image is clean."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ci.release import scanning
from ci.release.sbom import Contents, Package

CONTENTS = Contents(
    (
        Package("deb", "libc6", "2.41-12", "amd64", "glibc", "2.41-12"),
        Package("deb", "libc-bin", "2.41-12", "amd64", "glibc", "2.41-12"),
        Package("pypi", "jinja2", "3.1.0"),
    ),
    "13",
)
ADVISORIES = {
    "CVE-1": {
        "affected": [
            {
                "package": {"name": "glibc", "ecosystem": "Debian:12"},
                "ranges": [{"events": [{"introduced": "0"}, {"fixed": "2.36-9"}]}],
            },
            {
                "package": {"name": "glibc", "ecosystem": "Debian:13"},
                "ranges": [{"events": [{"introduced": "0"}]}],
            },
        ]
    },
    "GHSA-2": {
        "affected": [
            {
                "package": {"name": "jinja2", "ecosystem": "PyPI"},
                "ranges": [{"events": [{"introduced": "0"}, {"fixed": "3.1.6"}]}],
            }
        ]
    },
}


class Database(BaseHTTPRequestHandler):
    """As much of OSV as the scan uses; the second page of an answer must be asked for."""

    asked: list[object] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        if self.path == "/v1/query":
            assert body["page_token"] == "more"
            self.answer({"vulns": [{"id": "GHSA-2"}]})
            return
        found = {"glibc": {"vulns": [{"id": "CVE-1"}]}, "jinja2": {"next_page_token": "more"}}
        self.answer({"results": [found[question["package"]["name"]] for question in body["queries"]]})

    def do_GET(self) -> None:
        self.answer(ADVISORIES[self.path.rsplit("/", 1)[-1]])

    def answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Database.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(scanning.ADDRESS, f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_what_an_update_mends_is_told_with_its_version(database: None) -> None:
    found = scanning.scan(CONTENTS)
    assert [(f.package, f.vulnerability, f.fixed) for f in found] == [
        ("glibc", "CVE-1", ""),
        ("jinja2", "GHSA-2", "3.1.6"),
    ]
    assert scanning.words("v", found) == [
        "GHSA-2: jinja2 3.1.0, fixed in 3.1.6",
        "v: 1 vulnerabilities that an update mends, 1 that none does yet",
    ]


def test_a_source_package_is_asked_about_once(database: None) -> None:
    scanning.scan(CONTENTS)
    assert len(Database.asked[0]["queries"]) == 2  # type: ignore[index]


def test_without_an_answer_it_is_not_scanned_and_never_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scanning.ADDRESS, "http://127.0.0.1:9")
    with pytest.raises(scanning.UnreachableError) as caught:
        scanning.scan(CONTENTS)
    (line,) = scanning.words("v", None, str(caught.value))
    assert line.startswith("v: not scanned: http://127.0.0.1:9")
    assert scanning.report("v", None, "x")["scanned"] is False
