"""memcached's settings, and its one user."""

import math
from dataclasses import dataclass

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class CacheConfiguration:
    # The container's limit.
    memory_mb: int
    cpus: float


def render(configuration: CacheConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    text = render_template(
        "memcached/memcached.conf.j2",
        memory_mb=configuration.memory_mb,
        items_mb=max(16, configuration.memory_mb * 3 // 4),
        threads=max(1, math.ceil(configuration.cpus)),
    )
    return {"memcached.conf": text}


def render_secrets(store_password: str) -> dict[str, str]:
    """Files of /run/secrets."""
    return {"users": f"store:{store_password}\n"}
