"""The merge's staging job for real, from its own file, on the running stack."""

from collections.abc import Iterator

import pytest

from ci.pipelines import github, running
from ci.pipelines.__main__ import keep_machine
from loadtests.stack import ROOT, Stack, make

SECONDS = 900
# How make tells of a load test that is void.
VOID = "load] Error 3"


@pytest.fixture
def settings(stack: Stack) -> Iterator[None]:
    """A release writes into the settings; afterwards they and the stack are as before."""
    before = (ROOT / f"Pulumi.{stack.name}.yaml").read_text()
    yield
    (ROOT / f"Pulumi.{stack.name}.yaml").write_text(before)
    restored = make("up", stack.name)
    assert restored.returncode == 0, restored.stdout + restored.stderr


def test_a_merge_is_built_released_loaded_and_live_by_its_pipelines_own_steps(
    stack: Stack, settings: None
) -> None:
    [job] = [job for job in github.read(ROOT / ".github/workflows/merge.yml", {}) if job.name == "staging"]
    job = job.with_environment({"STACK": stack.name})
    outcomes = list(running.run(job, ROOT, keep_machine(), False, SECONDS))
    for outcome in outcomes:
        if VOID in outcome.output:
            pytest.skip(
                f"{outcome.step.name}: this machine is too busy to load a store; the steps before ran"
            )
        assert not outcome.problem, f"{outcome.step.name}: {outcome.problem}\n{outcome.output}"
    # Without a role at AWS, what its stacks need is left out.
    assert len(outcomes) == len([step for step in job.steps if not step.unmet]) == len(job.steps) - 1
    with stack.client() as client:
        version = client.get("/info").raise_for_status().json()["version"]
    assert version in outcomes[-1].output
