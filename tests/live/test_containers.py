"""Every container of the running stack is locked down as promised, seen from inside it with testinfra."""

import re

import pytest
import testinfra
from docker.models.containers import Container
from testinfra.host import Host

from loadtests.stack import Stack

ROLES = ["edge", "balancer", "web", "worker", "gateway", "mail", "pooler", "database", "cache"]


def inside(container: Container) -> Host:
    return testinfra.get_host(f"docker://{container.id}")


def one_of(stack: Stack, role: str) -> Container:
    return stack.containers(role)[0]


def test_every_role_of_the_picture_is_running(stack: Stack) -> None:
    running = {container.labels["storestack.role"] for container in stack.containers()}
    assert running == set(ROLES)


def test_every_container_is_healthy(stack: Stack) -> None:
    states = {c.name: c.attrs["State"].get("Health", {}).get("Status") for c in stack.containers()}
    assert set(states.values()) == {"healthy"}, states


@pytest.mark.parametrize("role", ROLES)
def test_no_process_runs_as_root_or_with_a_capability(stack: Stack, role: str) -> None:
    status = inside(one_of(stack, role)).check_output("cat /proc/1/status")
    assert re.search(r"^Uid:\s+(\d+)", status, re.M).group(1) != "0"  # type: ignore[union-attr]
    assert re.search(r"^CapEff:\s+0+$", status, re.M), status
    assert re.search(r"^CapBnd:\s+0+$", status, re.M), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M), status


@pytest.mark.parametrize("role", ROLES)
def test_the_root_filesystem_is_read_only(stack: Stack, role: str) -> None:
    host = inside(one_of(stack, role))
    for place in ("/", "/etc", "/usr/bin"):
        attempt = host.run(f"touch {place}/intruder")
        assert attempt.failed
        assert "Read-only file system" in attempt.stderr, attempt.stderr


@pytest.mark.parametrize("role", ROLES)
def test_cpu_memory_processes_and_logs_are_bounded(stack: Stack, role: str) -> None:
    settings = one_of(stack, role).attrs["HostConfig"]
    assert settings["Memory"] > 0
    assert settings["NanoCpus"] > 0 or settings["CpuQuota"] > 0
    assert "nproc" in {limit["Name"] for limit in settings["Ulimits"]}
    assert settings["LogConfig"]["Config"].keys() >= {"max-size", "max-file"}
    assert settings["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.parametrize(
    ("role", "command", "version"),
    [
        ("edge", "nginx -v 2>&1", r"nginx/1\.26\."),
        ("balancer", "haproxy -v", r"version 3\.0\."),
        ("database", "postgres --version", r"\) 17\."),
        ("cache", "redis-server --version", r"v=8\."),
        ("web", "python3 --version", r"Python 3\.13\."),
    ],
)
def test_the_programs_are_of_the_promised_versions(
    stack: Stack, role: str, command: str, version: str
) -> None:
    assert re.search(version, inside(one_of(stack, role)).check_output(command))


def test_no_secret_stands_in_an_environment_or_a_command_line(stack: Stack) -> None:
    secrets = stack.run("web", ["sh", "-c", "cat /run/secrets/*"]).split()
    assert secrets
    for container in stack.containers():
        visible = " ".join([*container.attrs["Config"]["Env"], *(container.attrs["Config"]["Cmd"] or [])])
        assert not [secret for secret in secrets if secret in visible], container.name
