"""The balancer's HAProxy: its settings, and the list of the web containers it may send requests to."""

from collections.abc import Sequence
from dataclasses import dataclass

from stacks.local.configuration.errors import UNANSWERED, render_page, render_problem
from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class BalancerConfiguration:
    threads: int
    # Requests of this host go apart from the shop's.
    back_office_host: str
    # Requests in flight per web container; more wait in the queue.
    server_connections: int
    # Requests that may wait before others are answered 503 at once; for a checkout, twice as many.
    queue: int
    queue_seconds: int = 5
    # Client connections, of which the edge keeps some open.
    connections: int = 4000


@dataclass(frozen=True)
class Server:
    # As in HAProxy's log and statistics.
    name: str
    # What Docker's DNS resolves: the container's name.
    address: str


def render(configuration: BalancerConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    main = render_template(
        "balancer/haproxy.cfg.j2",
        connections=configuration.connections,
        threads=configuration.threads,
        statuses=[apology.status for apology in UNANSWERED],
        back_office_host=configuration.back_office_host,
        queue_seconds=configuration.queue_seconds,
    )
    apologies = render_template(
        "balancer/apologies.map.j2",
        apologies=[
            (apology.status, " ".join(render_page(apology).split()), render_problem(apology).strip())
            for apology in UNANSWERED
        ],
    )
    return {"haproxy.cfg": main, "apologies.map": apologies}


def render_servers(
    configuration: BalancerConfiguration, servers: Sequence[Server], port: int = 8000
) -> dict[str, str]:
    """Files of /etc/admission."""
    text = render_template(
        "balancer/store.cfg.j2",
        servers=servers,
        port=port,
        server_connections=configuration.server_connections,
        queue=configuration.queue,
    )
    return {"store.cfg": text}
