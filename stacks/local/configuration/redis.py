"""Redis' settings, and its users: the store, which cannot stop, empty or reconfigure it; an administrator."""

from dataclasses import dataclass
from hashlib import sha256

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class CacheConfiguration:
    # The container's limit.
    memory_mb: int
    # Whether sessions outlive a restart.
    persistent: bool = True


def render(configuration: CacheConfiguration) -> dict[str, str]:
    """Files of /etc/storestack."""
    # While the log is rewritten, pages that change are held twice.
    share = 0.6 if configuration.persistent else 0.8
    text = render_template(
        "cache/redis.conf.j2",
        memory_mb=configuration.memory_mb,
        maxmemory_mb=max(16, int(configuration.memory_mb * share)),
        persistent=configuration.persistent,
    )
    return {"redis.conf": text}


def render_secrets(store_password: str, admin_password: str) -> dict[str, str]:
    """Files of /run/secrets. The store is the default user: a `redis://` address without a name."""
    users = (
        f"user default on #{_hash(store_password)} ~* &* +@all -@admin -@dangerous +info\n"
        f"user admin on #{_hash(admin_password)} ~* &* +@all\n"
    )
    return {"users.acl": users, "admin_password": admin_password}


def _hash(password: str) -> str:
    # Redis' own format; the passwords are random, so that a plain hash gives nothing away.
    return sha256(password.encode()).hexdigest()
