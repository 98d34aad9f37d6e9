"""Whole programs under the policies: the bad twin, and three that were written without the pack in mind."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from policies.catalogue import POLICIES
from policies.check import judge
from policies.recording import Recording, load
from policies.settings import parse
from policies.source import place
from policies.verdicts import Undecided, Violation
from tests.policies.cases import TODAY
from tests.policies.interpreters import ROOT, find_aws_python

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
IDS = [policy.id for policy in POLICIES]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


def recorded(folder: Path, program: Path, stack: str, python: str = "") -> Recording:
    """A program's recording, made once for all tests of this module; by the Python of AWS unless told."""
    out = folder / f"{program.name}.json"
    if not out.exists():
        command = [
            python or find_aws_python(),
            "-m",
            "policies.recorder",
            "--program",
            str(program),
            "--stack",
            stack,
        ]
        subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True)
    return read(out)


@cache
def read(path: Path) -> Recording:
    return load(path)


def violations(recording: Recording, stack: str) -> list[Violation]:
    verdicts = judge(recording, parse(stack, recording.config, IDS), TODAY)
    assert not [item.message for item in verdicts if isinstance(item, Undecided)]
    return [item for item in verdicts if isinstance(item, Violation)]


def found(recording: Recording, stack: str) -> set[str]:
    return {violation.policy.id for violation in violations(recording, stack)}


def test_every_policy_can_fail(recordings: Path) -> None:
    twin = recorded(recordings, HERE / "bad_twin", "production")
    assert set(IDS) - found(twin, "production") == set()


def test_each_breach_of_the_bad_twin_tells_its_line(recordings: Path) -> None:
    twin = recorded(recordings, HERE / "bad_twin", "production")
    for violation in violations(twin, "production"):
        assert violation.resource is not None
        assert re.fullmatch(r"__main__\.py:\d+", place(violation.resource, HERE / "bad_twin"))


def test_no_breach_of_the_bad_twin_shows_its_secrets(recordings: Path) -> None:
    twin = recorded(recordings, HERE / "bad_twin", "production")
    assert not [item.message for item in violations(twin, "production") if "hunter2" in item.message]


def test_a_blog_on_fargate_is_judged_by_what_it_does(recordings: Path) -> None:
    blog = recorded(recordings, PROGRAMS / "wordpress", "prod")
    assert found(blog, "prod") == {
        "balancer-deletion-protection",
        "balancer-firewall",
        "balancer-logs",
        "bucket-upkeep",
        "cluster-insights",
        "container-image-digest",
        "data-protected",
        "database-deletion-protection",
        "database-identity",
        "database-logs",
        "database-monitoring",
        "database-upgrades",
        "network-closed",
        "service-ignores-desired-count",
        "service-rollback",
    }


def test_a_place_inside_a_component_of_another_module_is_told(recordings: Path) -> None:
    blog = recorded(recordings, PROGRAMS / "wordpress", "prod")
    (vpc,) = [item for item in violations(blog, "prod") if item.policy.id == "network-closed"]
    assert vpc.resource is not None
    assert place(vpc.resource, PROGRAMS / "wordpress").startswith("net.py:9 from __main__.py:")


def test_a_serverless_intake_is_judged_by_what_it_does(recordings: Path) -> None:
    orders = recorded(recordings, PROGRAMS / "serverless_orders", "dev")
    assert found(orders, "dev") == {
        "bucket-private",
        "bucket-upkeep",
        "cdn-certificate",
        "cdn-firewall",
        "cdn-logs",
        "cdn-root-object",
        "cdn-viewer-tls",
        "data-protected",
        "iam-least-privilege",
        "monitoring-upkeep",
    }


def test_a_weekend_project_on_docker_is_judged_by_what_it_does(recordings: Path) -> None:
    blog = recorded(recordings, PROGRAMS / "docker_blog", "home", sys.executable)
    by_resource = {(item.policy.id, item.resource.name) for item in violations(blog, "home") if item.resource}
    assert by_resource == {
        ("local-data-network-internal", "backend"),
        ("local-edge-publishes", "mysql"),
        ("local-health-check", "mysql"),
        ("local-non-root", "mysql"),
        ("local-read-only-root", "mysql"),
        ("local-image-pinned", "mysql"),
        ("local-image-pinned", "reverse-proxy"),
    }
