"""Asks the Docker engine over its HTTP API, with the standard library alone."""

import http.client
import json
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

DEFAULT_SOCKET = Path("/var/run/docker.sock")


class EngineError(Exception):
    """The engine is not there, does not let us in, or refused. `denied` says it was the rights."""

    def __init__(self, message: str, *, denied: bool = False) -> None:
        super().__init__(message)
        self.denied = denied


def locate_engine() -> str:
    """Returns the engine's address, written as in DOCKER_HOST: that variable, the machine's, a user's own."""
    if configured := os.environ.get("DOCKER_HOST"):
        return configured
    own = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}"), "docker.sock")
    return f"unix://{own if own.exists() and not DEFAULT_SOCKET.exists() else DEFAULT_SOCKET}"


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _connect(timeout: float) -> http.client.HTTPConnection:
    address = urlsplit(locate_engine())
    if address.scheme == "unix":
        return _SocketConnection(address.path, timeout)
    if address.scheme in ("tcp", "http") and address.hostname and not os.environ.get("DOCKER_TLS_VERIFY"):
        return http.client.HTTPConnection(address.hostname, address.port or 2375, timeout=timeout)
    raise EngineError(
        f"DOCKER_HOST={locate_engine()!r} names no engine on this machine: unset it, or name a unix:// socket"
    )


def ask(
    method: str, path: str, body: Iterable[bytes] | None = None, timeout: float = 10.0
) -> Iterator[bytes]:
    """Yields the lines of an answer; `timeout` seconds without a byte, or a status of 400 and more, raise."""
    connection = _connect(timeout)
    headers = {"Content-Type": "application/x-tar"} if body is not None else {}
    try:
        # Paths without a version are answered by every engine; a version is refused once it is too old.
        connection.request(method, path, body=body, headers=headers, encode_chunked=body is not None)
        answer = connection.getresponse()
        if answer.status >= 400:
            raise EngineError(_read_message(answer.read()))
        yield from answer
    except PermissionError as error:
        raise EngineError(f"no right to use {locate_engine()}", denied=True) from error
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"{locate_engine()} does not answer ({error})") from error
    finally:
        connection.close()


def ask_json(path: str) -> Any:
    """Returns a parsed answer."""
    return json.loads(b"".join(ask("GET", path)))


def follow(path: str, body: Iterable[bytes] | None = None, timeout: float = 60.0) -> Iterator[dict[str, Any]]:
    """Yields the events of a long request; an error among them raises EngineError."""
    for line in ask("POST", path, body, timeout):
        if not line.strip():
            continue
        event: dict[str, Any] = json.loads(line)
        if "error" in event:
            raise EngineError(str(event["error"]))
        yield event


def find_image(name: str) -> dict[str, Any] | None:
    """Returns what the engine knows of an image, None when it has none of that name."""
    try:
        found: dict[str, Any] = ask_json(f"/images/{quote(name, safe='')}/json")
    except EngineError as error:
        if "No such image" in str(error):
            return None
        raise
    return found


def _read_message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError):
        return body.decode(errors="replace").strip()
