"""PostgreSQL's settings and access rules, for the memory and the processors its container has."""

import math
from dataclasses import dataclass

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class DatabaseConfiguration:
    # The data network (CIDR): nobody else may connect.
    subnet: str
    # The container's limit.
    memory_mb: int
    cpus: float
    # The pooler's server connections, the workers' and the release's direct ones, and some for people.
    connections: int = 100
    slow_query_ms: int = 250


def render(configuration: DatabaseConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    memory = configuration.memory_mb
    processors = max(1, math.ceil(configuration.cpus))
    settings = render_template(
        "database/postgresql.conf.j2",
        memory_mb=memory,
        connections=configuration.connections,
        # The usual quarter; the kernel's cache, which counts against the same limit, does the rest.
        shared_buffers_mb=max(32, memory // 4),
        cache_size_mb=max(64, memory * 5 // 8),
        # A query may use this several times: a quarter of the memory if half of the connections sort.
        work_mem_mb=max(2, memory // 4 // max(1, configuration.connections // 2)),
        maintenance_mb=min(512, max(16, memory // 16)),
        parallel=processors,
        parallel_per_query=min(2, processors - 1),
        slow_query_ms=configuration.slow_query_ms,
    )
    access = render_template("database/pg_hba.conf.j2", subnet=configuration.subnet)
    return {"postgresql.conf": settings, "pg_hba.conf": access}
