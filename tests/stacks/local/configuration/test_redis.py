"""Redis' memory, what outlives its restart, and what the store's user may do."""

import hashlib
import re

import pytest

from stacks.local.configuration import redis
from stacks.local.configuration.redis import CacheConfiguration


def settings(configuration: CacheConfiguration) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+) (.*)$", redis.render(configuration)["redis.conf"], flags=re.MULTILINE))


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("memory_mb", [64, 256, 4096])
def test_redis_never_fills_its_container(memory_mb: int, persistent: bool) -> None:
    limit = int(settings(CacheConfiguration(memory_mb, persistent))["maxmemory"].removesuffix("mb"))
    assert 16 <= limit <= memory_mb * 0.8


def test_a_full_cache_forgets_instead_of_refusing() -> None:
    assert settings(CacheConfiguration(256))["maxmemory-policy"] == "allkeys-lru"


@pytest.mark.parametrize(("persistent", "kept"), [(True, "yes"), (False, "no")])
def test_sessions_outlive_a_restart_when_asked_to(persistent: bool, kept: str) -> None:
    assert settings(CacheConfiguration(256, persistent))["appendonly"] == kept


def test_the_stores_password_is_stored_only_as_a_hash() -> None:
    files = redis.render_secrets("open sesame", "administrator's")
    assert "open sesame" not in files["users.acl"]
    assert hashlib.sha256(b"open sesame").hexdigest() in files["users.acl"]
    assert files["admin_password"] == "administrator's"


def test_the_store_can_neither_empty_nor_reconfigure_the_cache() -> None:
    store, admin = redis.render_secrets("a", "b")["users.acl"].splitlines()
    assert store.startswith("user default on ")
    assert {"-@admin", "-@dangerous"} <= set(store.split())
    assert admin.startswith("user admin on ")
