"""The test gateway as a service of its own: never takes twice, forgets nothing, reports until it is heard."""

from __future__ import annotations

import hashlib
import hmac
import uuid

import httpx
import pytest

from tests.app.gateway.conftest import WEBHOOK_KEY, Listener
from tests.app.processes import Process, wait_until


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
