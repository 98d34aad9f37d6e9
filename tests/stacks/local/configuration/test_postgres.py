"""PostgreSQL's settings follow the container's limits; its doors open to the data network alone."""

import re

import pytest

from stacks.local.configuration import postgres
from stacks.local.configuration.postgres import DatabaseConfiguration


def settings(memory_mb: int = 1024, cpus: float = 1.0, connections: int = 100) -> dict[str, str]:
    configuration = DatabaseConfiguration("10.1.2.128/26", memory_mb, cpus, connections)
    text = postgres.render(configuration)["postgresql.conf"]
    return dict(re.findall(r"^(\w+) = '?(.*?)'?$", text, flags=re.MULTILINE))


def megabytes(value: str) -> int:
    return int(value.removesuffix("MB"))


@pytest.mark.parametrize("memory_mb", [256, 1024, 4096, 65536])
def test_the_memory_in_use_stays_under_the_containers_limit(memory_mb: int) -> None:
    found = settings(memory_mb)
    # Half of the connections sorting at once, and three workers cleaning up.
    sorting = megabytes(found["work_mem"]) * 50
    cleaning = megabytes(found["maintenance_work_mem"]) * 3
    assert megabytes(found["shared_buffers"]) + sorting + cleaning <= memory_mb


def test_more_connections_share_the_same_memory() -> None:
    few, many = settings(2048, connections=50), settings(2048, connections=400)
    assert megabytes(few["work_mem"]) > megabytes(many["work_mem"])
    assert many["max_connections"] == "400"


@pytest.mark.parametrize(("cpus", "workers"), [(0.5, "1"), (1.5, "2"), (8.0, "8")])
def test_parallel_queries_use_the_processors_there_are(cpus: float, workers: str) -> None:
    assert settings(cpus=cpus)["max_parallel_workers"] == workers


def test_an_answered_order_is_on_disk() -> None:
    found = settings()
    assert (found["fsync"], found["synchronous_commit"], found["full_page_writes"]) == ("on", "on", "on")


def test_values_of_queries_are_never_logged() -> None:
    found = settings()
    assert found["log_parameter_max_length"] == "0"
    assert found["log_parameter_max_length_on_error"] == "0"


def test_the_superuser_cannot_come_over_the_network() -> None:
    text = postgres.render(DatabaseConfiguration("10.1.2.128/26", 512, 1))["pg_hba.conf"]
    rules = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    assert rules == [
        ["local", "all", "postgres", "peer"],
        ["host", "store", "store", "10.1.2.128/26", "scram-sha-256"],
        ["host", "store", "migrator", "10.1.2.128/26", "scram-sha-256"],
    ]
