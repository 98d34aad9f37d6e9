"""The pipelines' files as their hosts read them, and that what is wrong in them is found."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.toolchain.cache import CHECKOUT
from ci.toolchain.go_programs import ACTIONLINT

WORKFLOWS = ("pull_request.yml", "merge.yml", "nightly.yml", "load.yml")
GITLAB = ".gitlab-ci.yml"

Outcome = subprocess.CompletedProcess[str]


def run(program: str | Path, *arguments: str | Path, cwd: Path) -> Outcome:
    return subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def actionlint(checkout: Path) -> Outcome:
    """GitHub's syntax, expressions, contexts and events."""
    program = ACTIONLINT.locate()
    assert program, "run `python3 -m ci.toolchain install --for-tests`"
    files = sorted(checkout.glob(".github/workflows/*.yml"))
    return run(program, "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", *files, cwd=checkout)


def zizmor(checkout: Path) -> Outcome:
    """What somebody could do through a workflow; its strictest published persona that is not a review's."""
    program = Path(sys.executable).with_name("zizmor")
    return run(program, "--offline", "--no-progress", "--persona", "pedantic", ".github", cwd=checkout)


def schema_of_github(checkout: Path) -> Outcome:
    return validate(checkout, "vendor.github-workflows", *(f".github/workflows/{name}" for name in WORKFLOWS))


def schema_of_gitlab(checkout: Path) -> Outcome:
    return validate(checkout, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", GITLAB)


def validate(checkout: Path, schema: str, *arguments: str) -> Outcome:
    program = Path(sys.executable).with_name("check-jsonschema")
    return run(program, "--builtin-schema", schema, *arguments, cwd=checkout)


Check = Callable[[Path], Outcome]
CHECKS: tuple[Check, ...] = (actionlint, zizmor, schema_of_github, schema_of_gitlab)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The pipelines' files alone, to be changed."""
    shutil.copytree(CHECKOUT / ".github", tmp_path / ".github")
    shutil.copy(CHECKOUT / GITLAB, tmp_path)
    # zizmor and actionlint look for the repository's root.
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.mark.parametrize("check", CHECKS)
def test_the_files_are_clean(check: Check) -> None:
    outcome = check(CHECKOUT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_workflow_is_one_that_is_checked() -> None:
    assert {path.name for path in (CHECKOUT / ".github" / "workflows").iterdir()} == set(WORKFLOWS)


@pytest.mark.parametrize(
    ("check", "file", "change", "says"),
    [
        (
            actionlint,
            "merge.yml",
            ("vars.STAGING_RUNNER", "vers.STAGING_RUNNER"),
            'undefined variable "vers"',
        ),
        (actionlint, "merge.yml", ("needs: staging", "needs: stagin"), 'needs job "stagin"'),
        (actionlint, "load.yml", ("inputs.profile", "inputs.profil"), 'property "profil" is not defined'),
        (actionlint, "nightly.yml", ("23 3 * * *", "23 3 * *"), "invalid CRON format"),
        (schema_of_github, "merge.yml", ("timeout-minutes", "timeout-minuets"), "timeout-minuets"),
        (zizmor, "merge.yml", ('BASELINE="$BASELINE"', 'BASELINE="${{ vars.B }}"'), "template-injection"),
        (zizmor, "load.yml", ('STACK="$STACK"', 'STACK="${{ inputs.rate }}"'), "template-injection"),
        (zizmor, "merge.yml", ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7"), "unpinned-uses"),
        (zizmor, "nightly.yml", ("persist-credentials: false", "fetch-depth: 1"), "artipacked"),
        (zizmor, "nightly.yml", ("permissions: {}", "permissions: write-all"), "excessive-permissions"),
        (zizmor, "pull_request.yml", ("  pull_request:\n", "  pull_request_target:\n"), "dangerous-triggers"),
        (schema_of_gitlab, GITLAB, ("    - make test\n", "    make: test\n"), "script"),
        (schema_of_gitlab, GITLAB, ("  action: stop\n", "  action: halt\n"), "action"),
    ],
)
def test_what_is_broken_is_found(
    check: Check, file: str, change: tuple[str, str], says: str, checkout: Path
) -> None:
    path = checkout / (file if file == GITLAB else f".github/workflows/{file}")
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    outcome = check(checkout)
    assert outcome.returncode != 0
    assert says in outcome.stdout + outcome.stderr
