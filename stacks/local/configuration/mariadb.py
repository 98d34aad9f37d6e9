"""MariaDB's settings, for the memory its container has."""

from dataclasses import dataclass

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class DatabaseConfiguration:
    # The container's limit.
    memory_mb: int
    connections: int = 100
    slow_query_ms: int = 250


def render(configuration: DatabaseConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    memory = configuration.memory_mb
    text = render_template(
        "mariadb/my.cnf.j2",
        memory_mb=memory,
        connections=configuration.connections,
        # No kernel cache beside it: InnoDB reads past that. The rest is for connections, each of some MB.
        buffer_mb=max(64, memory * 2 // 5),
        log_mb=max(32, memory // 8),
        slow_query_seconds=configuration.slow_query_ms / 1000,
    )
    return {"my.cnf": text}
