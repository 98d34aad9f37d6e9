"""The pooler's sizes, and its list of users."""

import re

from stacks.local.configuration import pooler
from stacks.local.configuration.pooler import PoolerConfiguration

ADDRESS = "10.200.0.138"


def test_sizes_and_patience_come_from_the_settings() -> None:
    configuration = PoolerConfiguration(ADDRESS, pool_size=8, reserve=2, clients=300, wait_seconds=4)
    text = pooler.render(configuration)["pgbouncer.ini"]
    found = dict(re.findall(r"^(\w+) = (.*)$", text, flags=re.MULTILINE))
    assert found["default_pool_size"] == "8"
    assert found["min_pool_size"] == "2"
    assert found["reserve_pool_size"] == "2"
    assert found["max_client_conn"] == "300"
    assert found["query_wait_timeout"] == "4"


def test_the_database_is_found_without_a_resolver() -> None:
    text = pooler.render(PoolerConfiguration(ADDRESS))["pgbouncer.ini"]
    assert re.findall(r"host=(\S+)", text) == [ADDRESS]


def test_prepared_statements_survive_transaction_pooling() -> None:
    text = pooler.render(PoolerConfiguration(ADDRESS))["pgbouncer.ini"]
    assert "pool_mode = transaction\n" in text
    assert int(re.findall(r"^max_prepared_statements = (\d+)$", text, flags=re.MULTILINE)[0]) > 0


def test_nobody_is_administrator_over_the_network() -> None:
    text = pooler.render(PoolerConfiguration(ADDRESS))["pgbouncer.ini"]
    assert "admin_users" not in text
    assert "stats_users" not in text


def test_a_quote_in_a_password_stays_inside_it() -> None:
    assert pooler.render_secrets({"store": 'a"b', "again": "c"}) == {
        "userlist.txt": '"again" "c"\n"store" "a""b"\n'
    }
