"""What every answer carries, and how errors look."""

from __future__ import annotations

import httpx
import pytest


def test_pages_carry_the_security_headers_and_no_inline_code_is_allowed(client: httpx.Client) -> None:
    headers = client.get("/cart").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_each_security_header_is_said_once(client: httpx.Client) -> None:
    for path in ("/cart", "/api/v1/products", "/nothing"):
        headers = client.get(path).headers
        names = [name.lower() for name, _ in headers.multi_items()]
        assert len(names) == len(set(names)), names


def test_the_request_id_of_the_edge_is_kept_and_a_strange_one_replaced(client: httpx.Client) -> None:
    assert (
        client.get("/info", headers={"X-Request-Id": "edge-1234567"}).headers["x-request-id"]
        == "edge-1234567"
    )
    strange = client.get("/info", headers={"X-Request-Id": "a b"}).headers["x-request-id"]
    assert strange != "a b"
    assert len(strange) == 16


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/carts", 405),
        ("POST", "/api/v1/checkouts", 422),
    ],
)
def test_errors_of_the_api_are_problem_documents(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path, json={}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["type"].startswith("/problems/")


def test_whatever_can_be_got_answers_head(client: httpx.Client) -> None:
    head = client.head("/cart")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/html")


def test_errors_of_pages_are_pages(client: httpx.Client) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_body_that_is_no_json_is_the_clients_fault(client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/checkouts",
        content=b"{nope",
        headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_the_contract_of_the_container_is_kept(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"state": "live"}
    assert client.get("/health/ready").json() == {"state": "ready"}
    assert set(client.get("/info").json()) == {"version", "image", "replica"}
    dependencies = client.get("/topology").json()["dependencies"]
    assert {one["name"]: one["state"] for one in dependencies} == {
        "database": "up",
        "cache": "up",
        "gateway": "up",
    }
    assert "store_request_seconds" in client.get("/metrics").text


def test_the_api_describes_itself(client: httpx.Client) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/checkouts" in described["paths"]
    assert not [path for path in described["paths"] if not path.startswith("/api/v1/")]
