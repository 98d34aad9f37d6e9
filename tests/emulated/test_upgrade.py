"""State made by the previous release's own code, previewed under this code: no data is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulated.conftest import Environment

ROOT = Path(__file__).parents[2]
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
}


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


def run(tree: Path, environment: Environment, verb: str) -> list[dict[str, str]]:
    """Run `verb` with the program of `tree` and return the steps."""
    workspace = environment.stack.workspace
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("runner.py")),
            str(tree),
            workspace.work_dir,
            environment.stack.name,
            json.dumps(environment.config),
            verb,
        ],
        env={**os.environ, **workspace.env_vars},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    steps: list[dict[str, str]] = json.loads(Path(workspace.work_dir, "steps.json").read_text())
    return steps


def test_an_upgrade_replaces_nothing_that_holds_data(
    make_environment: Callable[..., Environment], tmp_path: Path
) -> None:
    tag = git("describe", "--tags", "--abbrev=0", "HEAD^")
    if not tag:
        pytest.skip("no earlier release tag in this clone: nothing to upgrade from")
    if not git("ls-tree", "--name-only", tag, "stacks/aws/__init__.py"):
        pytest.skip(f"{tag} has no AWS target yet: nothing to upgrade from")
    before = tmp_path / "before"
    git("worktree", "add", "--detach", str(before), tag)
    try:
        environment = make_environment("upgrade", store__compute="none")
        del environment.config["store:image"]
        assert any(step["op"] == "create" for step in run(before, environment, "up"))
        steps = run(ROOT, environment, "preview")
    finally:
        git("worktree", "remove", "--force", str(before))
    assert steps
    lost = [
        step
        for step in steps
        if step["type"] in STATEFUL and ("replace" in step["op"] or "delete" in step["op"])
    ]
    assert lost == []
