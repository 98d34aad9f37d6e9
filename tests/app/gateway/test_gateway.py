"""The test gateway as a service of its own: never takes twice, forgets nothing, reports until it is heard."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.app.processes import Process, free_port, wait_until

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


def take(api: httpx.Client, token: str, reference: str | None = None, amount: int = 1000) -> httpx.Response:
    body = {
        "reference": reference or uuid.uuid4().hex,
        "amount": amount,
        "currency": "EUR",
        "token": token,
        "return_url": "https://shop.example/back",
    }
    return api.post("/v1/payments", json=body)


@pytest.mark.parametrize(
    ("token", "state", "reason"),
    [
        ("tok_ok", "captured", None),
        ("tok_declined", "declined", "card_declined"),
        ("tok_3ds", "requires_action", None),
        ("tok_slow", "captured", None),
        ("4111", "declined", "unknown_token"),
    ],
)
def test_the_token_decides(api: httpx.Client, token: str, state: str, reason: str | None) -> None:
    payment = take(api, token).json()
    assert (payment["state"], payment["reason"]) == (state, reason)
    assert bool(payment["action_url"]) == (state == "requires_action")


def test_an_error_takes_nothing(api: httpx.Client) -> None:
    reference = uuid.uuid4().hex
    assert take(api, "tok_error", reference).status_code == 500
    assert api.get(f"/v1/payments/{reference}").status_code == 404


def test_one_reference_is_taken_once(api: httpx.Client) -> None:
    reference = uuid.uuid4().hex
    first = take(api, "tok_ok", reference).json()
    assert take(api, "tok_ok", reference, amount=9999).json() == first


def test_a_cancelled_reference_is_never_taken_not_even_later(api: httpx.Client) -> None:
    reference = uuid.uuid4().hex
    assert api.post(f"/v1/payments/{reference}/cancel").json()["state"] == "cancelled"
    assert take(api, "tok_ok", reference).json()["state"] == "cancelled"


def test_what_is_captured_stays_captured(api: httpx.Client) -> None:
    reference = uuid.uuid4().hex
    take(api, "tok_ok", reference)
    assert api.post(f"/v1/payments/{reference}/cancel").json()["state"] == "captured"


@pytest.mark.parametrize(
    ("outcome", "state"), [("approve", "captured"), ("decline", "declined"), ("", "declined")]
)
def test_the_shopper_decides_once(api: httpx.Client, outcome: str, state: str) -> None:
    payment = take(api, "tok_3ds").json()
    path = f"/test-gateway/challenge/{payment['id']}"
    assert payment["action_url"] == f"https://shop.example{path}"
    assert api.get(path).status_code == 200
    answered = api.post(path, data={"outcome": outcome})
    assert (answered.status_code, answered.headers["location"]) == (303, "https://shop.example/back")
    api.post(path, data={"outcome": "approve"})
    assert api.get(f"/v1/payments/{payment['reference']}").json()["state"] == state
    assert api.get(path).status_code == 303


@pytest.mark.parametrize("key", ["", "Bearer wrong", "Bearer ä"])
def test_a_stranger_learns_nothing(process: Process, key: str) -> None:
    answer = httpx.get(
        f"{process.url}/v1/payments/x", headers={b"Authorization": key.encode()}, trust_env=False
    )
    assert answer.status_code == 401


def test_a_kill_forgets_nothing(api: httpx.Client, process: Process) -> None:
    payments = [take(api, "tok_ok").json() for _ in range(20)]
    process.kill()
    process.start()
    for payment in payments:
        assert api.get(f"/v1/payments/{payment['reference']}").json() == payment


def test_reports_are_signed_and_repeated_until_they_are_heard(api: httpx.Client, listener: Listener) -> None:
    listener.refuse = 2
    payment = take(api, "tok_3ds").json()
    reference = payment["reference"]
    api.post(f"/test-gateway/challenge/{payment['id']}", data={"outcome": "approve"})
    wait_until(
        lambda: set(listener.states(reference)) == {"requires_action", "captured"},
        lambda: str(listener.bodies),
    )
    for signature, body in listener.signatures:
        stamp, digest = (part.split("=", 1)[1] for part in signature.split(","))
        wanted = hmac.new(WEBHOOK_KEY.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert digest == wanted
