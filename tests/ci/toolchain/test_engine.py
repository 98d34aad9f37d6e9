"""Talking to a Docker engine, and what is said when none answers."""

import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.toolchain import engine, engine_api
from ci.toolchain.engine_api import EngineError
from ci.toolchain.progress import ToolchainError
from tests.ci.toolchain.conftest import write_program

ANSWERS: dict[str, tuple[int, bytes]] = {
    "/version": (200, json.dumps({"Version": "20.10.24+dfsg1"}).encode()),
    "/images/there%3A1/json": (200, json.dumps({"Id": "sha256:abc"}).encode()),
    "/images/gone%3A1/json": (404, json.dumps({"message": "No such image: gone:1"}).encode()),
    "/images/create": (200, b'{"status":"Pulling"}\n{"error":"no basic auth credentials"}\n'),
}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


class SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        request, _ = super().get_request()
        # The handler wants an address to log.
        return request, ("engine", 0)


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A socket that answers as an engine does."""
    path = tmp_path / "engine.sock"
    server = SocketServer(str(path), Answers)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    yield path
    server.shutdown()


def test_an_answering_engine_is_used(answering: Path) -> None:
    assert engine.STEP.find() == f"20.10.24+dfsg1, unix://{answering}"


def test_an_engine_that_is_too_old_is_named(answering: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/version", (200, b'{"Version": "19.03.15"}'))
    with pytest.raises(ToolchainError, match=r"engine is 19\.03\.15, 20\.10\.0 or newer is needed"):
        engine.STEP.find()


def test_a_missing_image_is_no_error(answering: Path) -> None:
    assert engine_api.find_image("gone:1") is None
    assert engine_api.find_image("there:1") == {"Id": "sha256:abc"}


def test_an_error_in_the_middle_of_a_pull_is_an_error(answering: Path) -> None:
    events = engine_api.follow("/images/create")
    assert next(events) == {"status": "Pulling"}
    with pytest.raises(EngineError, match="no basic auth credentials"):
        next(events)


def test_a_dead_socket_is_an_engine_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    with pytest.raises(EngineError, match=r"gone\.sock does not answer"):
        engine_api.ask_json("/version")
    assert engine.STEP.find() is None


def test_an_engine_elsewhere_is_refused_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://build@host")
    with pytest.raises(EngineError, match="DOCKER_HOST='ssh://build@host' names no engine on this machine"):
        engine_api.ask_json("/version")


def test_a_user_without_rights_learns_how_to_get_them() -> None:
    line = engine.explain(EngineError("no right to use unix:///var/run/docker.sock", denied=True))
    assert "sudo usermod -aG docker $USER" in line
    assert "\n" not in line


def test_an_installed_engine_that_is_off_is_to_be_started(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    error = EngineError("it does not answer")
    assert "install one" in engine.explain(error)
    write_program(tmp_path / "programs" / "dockerd", "")
    assert "sudo systemctl start docker" in engine.explain(error)
