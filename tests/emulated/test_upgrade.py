"""From the previous release to this one: its own code makes the state, this code takes it over.

The path that CI goes: made by the one, previewed, brought up to date by the other, unchanged when run again,
gone. Nothing that holds data is replaced on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.emulated.conftest import Environment, Step

ROOT = Path(__file__).parents[2]
# Without a tag, what was this far back on the trunk stands for the previous release.
COMMITS = 200
STATEFUL = {
    "aws:rds/instance:Instance",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:s3/bucket:Bucket",
    "aws:kms/key:Key",
    "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:ecr/repository:Repository",
    "aws:dynamodb/table:Table",
    "aws:backup/vault:Vault",
    "aws:route53/zone:Zone",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:cloudfront/distribution:Distribution",
}


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


def previous() -> str | None:
    """Return the previous tag with an AWS target, or the oldest of the last commits that has one."""
    tag = git("describe", "--tags", "--abbrev=0", "HEAD^")
    commits = git("rev-list", "--first-parent", f"--max-count={COMMITS}", "HEAD^").split()
    for candidate in [*([tag] if tag else []), *reversed(commits)]:
        if git("ls-tree", "--name-only", candidate, "stacks/aws/__init__.py"):
            return candidate
    return None


def run_former(tree: Path, environment: Environment) -> None:
    """`up` with the program of `tree`; its own policies were for its own pack to judge."""
    workspace = environment.stack.workspace
    variables = {k: v for k, v in {**os.environ, **workspace.env_vars}.items() if "POLICY_PACK" not in k}
    runner = [sys.executable, str(Path(__file__).with_name("runner.py")), str(tree)]
    config = json.dumps(environment.config)
    done = subprocess.run(
        [*runner, workspace.work_dir, environment.stack.name, config],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def lost(steps: Sequence[Step]) -> list[Step]:
    """What holds data, or a name that others know, and would not stay itself."""
    return [step for step in steps if step.type in STATEFUL and ("replace" in step.op or "delete" in step.op)]


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Environment], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """Staging as the previous release made it."""
    release = previous()
    if release is None:
        pytest.skip(f"no tag and none of the last {COMMITS} commits has an AWS target to upgrade from")
    tree = tmp_path_factory.mktemp("previous") / "tree"
    git("worktree", "add", "--detach", str(tree), release)
    made = make_environment("staging")
    try:
        run_former(tree, made)
        yield made
    finally:
        git("worktree", "remove", "--force", str(tree))
        if made.types():
            made.stack.destroy(color="never")


def test_a_preview_of_this_release_loses_nothing(environment: Environment) -> None:
    assert environment.types().count("aws:ecs/service:Service") == 2
    assert lost(environment.steps("preview")) == []


def test_this_release_takes_over_with_a_new_image(environment: Environment) -> None:
    environment.config["store:image"] = environment.config["store:image"].replace("ab" * 32, "cd" * 32)
    steps = environment.steps("up")
    assert lost(steps) == []
    assert [step for step in steps if step.name == "store-web-service" and step.op == "update"]
    assert environment.stack.outputs()["version"].value == "cd" * 6


def test_run_again_it_changes_nothing(environment: Environment) -> None:
    assert [step for step in environment.steps("preview") if not step.explained] == []


def test_it_leaves_nothing_behind(environment: Environment) -> None:
    environment.stack.destroy(color="never")
    assert environment.types() == []
