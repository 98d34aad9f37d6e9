"""PgBouncer's settings, and the list of users it lets in and signs in to PostgreSQL as."""

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class PoolerConfiguration:
    # PostgreSQL's address: a name would have to be resolved anew after each of its restarts.
    database: str
    # Connections to PostgreSQL: a few per processor saturate it, more only wait inside.
    pool_size: int = 20
    # More of them while a client waits longer than a second.
    reserve: int = 5
    # Connections of web containers.
    clients: int = 1000
    # How long a query may wait for a connection.
    wait_seconds: int = 10


def render(configuration: PoolerConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    text = render_template(
        "pooler/pgbouncer.ini.j2",
        database=configuration.database,
        pool_size=configuration.pool_size,
        # Kept open, so that the first requests after a quiet time do not pay for signing in.
        pool_minimum=max(1, configuration.pool_size // 4),
        reserve=configuration.reserve,
        clients=configuration.clients,
        wait_seconds=configuration.wait_seconds,
    )
    return {"pgbouncer.ini": text}


def render_secrets(passwords: Mapping[str, str]) -> dict[str, str]:
    """Files of /run/secrets, from password by role. In the clear: a hash could not sign in."""
    lines = [f'"{_quote(role)}" "{_quote(password)}"' for role, password in sorted(passwords.items())]
    return {"userlist.txt": "\n".join(lines) + "\n"}


def _quote(text: str) -> str:
    return text.replace('"', '""')
