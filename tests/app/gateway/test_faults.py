"""The gateway fails on demand, says so, and stops when told, after its time, or after so many calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.app.gateway.conftest import Listener
from tests.app.gateway.test_gateway import take
from tests.app.processes import Process, wait_until


@pytest.fixture(autouse=True)
def healed(api: httpx.Client) -> Iterator[None]:
    yield
    assert api.delete("/v1/faults").json() == {"faults": {}}


def test_faults_end_after_so_many_calls(api: httpx.Client) -> None:
    api.put("/v1/faults", json={"error_rate": 1, "count": 2}).raise_for_status()
    assert api.get("/health/live").json()["faults"] == {"error_rate": 1.0, "count": 2, "calls_left": 2}
    assert [take(api, "tok_ok").status_code for _ in range(3)] == [500, 500, 201]
    assert api.get("/health/live").json()["faults"] == {}


def test_faults_end_after_their_time(api: httpx.Client) -> None:
    api.put("/v1/faults", json={"decline_rate": 1, "seconds": 0.5}).raise_for_status()
    assert take(api, "tok_ok").json()["state"] == "declined"
    time.sleep(0.6)
    assert take(api, "tok_ok").json()["state"] == "captured"


def test_a_lost_answer_has_taken_the_money(api: httpx.Client) -> None:
    reference = uuid.uuid4().hex
    api.put("/v1/faults", json={"lost_answer_rate": 1}).raise_for_status()
    assert take(api, "tok_ok", reference).status_code == 500
    api.delete("/v1/faults")
    assert api.get(f"/v1/payments/{reference}").json()["state"] == "captured"


def test_a_hanging_gateway_still_takes_orders_to_stop_hanging(api: httpx.Client) -> None:
    api.put("/v1/faults", json={"hang_rate": 1}).raise_for_status()
    with pytest.raises(httpx.ReadTimeout):
        api.get("/v1/payments/x", timeout=0.5)
    api.delete("/v1/faults")
    assert api.get("/v1/payments/x", timeout=0.5).status_code == 404


def test_reports_go_missing_repeat_and_change_their_order(
    api: httpx.Client,
    listener: Listener,
) -> None:
    api.put("/v1/faults", json={"drop_webhooks": 1}).raise_for_status()
    lost = take(api, "tok_ok").json()["reference"]
    time.sleep(0.8)
    api.put("/v1/faults", json={"duplicate_webhooks": 1, "reorder_webhooks": True}).raise_for_status()
    twice = take(api, "tok_ok").json()["reference"]
    wait_until(lambda: len(listener.states(twice)) == 2, lambda: str(listener.bodies))
    assert listener.states(lost) == []


@pytest.mark.parametrize("body", [{"error_rate": 2}, {"no_such_fault": 1}, {"count": 0}])
def test_a_fault_that_cannot_be_is_refused(api: httpx.Client, body: dict[str, float]) -> None:
    assert api.put("/v1/faults", json=body).status_code == 400


def test_a_stranger_sets_no_faults(process: Process) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = httpx.request(method, f"{process.url}/v1/faults", json={"error_rate": 1}, trust_env=False)
        assert answer.status_code == 401


def test_the_command_sets_and_ends_faults(process: Process) -> None:
    def fault(*arguments: str) -> dict[str, float]:
        command = [sys.executable, "-m", "app.gateway", "fault", *arguments]
        environ = {**os.environ, **process.environ, "PORT": str(process.port)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    assert fault("set", "--hang-rate", "0.5", "--latency-ms", "20")["hang_rate"] == 0.5
    assert fault("show")["latency_ms"] == 20
    assert fault("reset") == {}
