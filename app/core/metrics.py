"""Prometheus metrics of one process: requests by class, connections, checkouts by outcome."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

registry = CollectorRegistry()

_requests = Histogram(
    "store_request_seconds",
    "Time to answer, by method and class of status",
    ["method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)
checkouts = Counter("store_checkouts", "Checkouts by outcome", ["outcome"], registry=registry)
gateway_calls = Counter(
    "store_gateway_calls", "Calls of the payment gateway by outcome", ["outcome"], registry=registry
)
gateway_breaker = Gauge(
    "store_gateway_breaker", "Circuit breaker: 0 closed, 1 half-open, 2 open", registry=registry
)
connections_busy = Gauge("store_database_connections_busy", "Database connections in use", registry=registry)
connections_waiting = Gauge(
    "store_database_waiting", "Requests that wait for a connection", registry=registry
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"})


def observe_request(method: str, status: int, seconds: float) -> None:
    """Count one answered request; unknown methods share a label, so that nobody can make labels at will."""
    _requests.labels(method if method in _METHODS else "other", f"{status // 100}xx").observe(seconds)


def render_metrics() -> bytes:
    """The text format of Prometheus."""
    return generate_latest(registry)
