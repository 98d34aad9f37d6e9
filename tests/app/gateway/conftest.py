"""A gateway process of its own, and somebody who listens to its webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.app.processes import Process
from tests.ports import free_port

KEY, WEBHOOK_KEY = "the gateway's key", "the webhooks' key"


class Listener:
    """Takes webhooks; refuses the first few when told to."""

    def __init__(self) -> None:
        self.refuse = 0
        self.bodies: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if listener.refuse > 0:
                    listener.refuse -= 1
                    self.send_response(503)
                else:
                    listener.signatures.append((self.headers["Gateway-Signature"], body))
                    listener.bodies.append(json.loads(body))
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()

    def states(self, reference: str) -> list[str]:
        events = [event for body in self.bodies for event in body["events"]]
        return [event["payment"]["state"] for event in events if event["payment"]["reference"] == reference]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()


@pytest.fixture(scope="module")
def process(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    (folder / "key").write_text(KEY)
    (folder / "webhook").write_text(WEBHOOK_KEY)
    environ = {
        "GATEWAY_KEY_FILE": str(folder / "key"),
        "GATEWAY_WEBHOOK_KEY_FILE": str(folder / "webhook"),
        "WEBHOOK_URL": f"http://127.0.0.1:{listener.port}/",
        "PUBLIC_URL": "https://shop.example",
        "GATEWAY_DATA": str(folder / "data"),
    }
    process = Process(["app.gateway"], environ, folder / "log", free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
def api(process: Process) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=process.url, headers=headers, timeout=10, trust_env=False) as client:
        yield client
