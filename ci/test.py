"""`make test`: every check of the project, in stages, on a stack of its own that is removed at the end.

Quick stages come first, so that a slip shows within a minute; the stack is brought up once, by the same
command a person uses, and everything that needs it follows. The time of each stage is printed at the end.
`KEEP=1` leaves the stack up after the run, to look at what failed.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parent.parent
STACK = os.environ.get("STORESTACK_STACK", "test")
# About eight minutes on an idle machine of two cores.
EMULATED_LIMIT = "30m"


@dataclass(frozen=True)
class Stage:
    """One command whose exit code decides; `always` runs it even after an earlier stage has failed.

    `tries`: a stage that failed by 1, as pytest does by a failed test, is run so often in all; `again` is
    what a later try adds to the command. The table at the end says which stage needed more than one.
    """

    name: str
    command: Sequence[str]
    always: bool = False
    tries: int = 1
    again: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: after how many seconds and tries, and its exit code, `None` if it was not run."""

    stage: Stage
    seconds: float = 0.0
    tries: int = 0
    code: int | None = None

    def __str__(self) -> str:
        said = {0: "passed", None: "not run"}.get(self.code, f"failed ({self.code})")
        said += f" at try {self.tries}: see above what failed" if self.tries > 1 and self.code == 0 else ""
        return f"{self.stage.name:<12} {self.seconds:>8.1f}  {said}"


def plan(stack: str, keep: bool) -> list[Stage]:
    """The stages in their order. The stack under test starts from nothing and leaves nothing."""
    pytest = [sys.executable, "-m", "pytest", "--quiet"]
    # pulumi-aws has an environment apart: the engine would ask the local stacks for its plugin.
    pytest_aws = [str(ROOT / ".venv-aws" / "bin" / "python"), *pytest[1:]]
    # An interrupt, so that the tests still take down what they made.
    limited = ["timeout", "--signal=INT", "--kill-after=2m", EMULATED_LIMIT]
    remove = ["make", "--no-print-directory", "down", f"STACK={stack}", "DATA=delete"]
    # Ports, clocks and processes of a busy machine can fail a test once; a fault of ours fails it again.
    failed = ["--last-failed"]
    stages = [
        Stage("lint", ["ruff", "check", "."]),
        Stage("format", ["ruff", "format", "--check", "."]),
        Stage("types", ["mypy"]),
        Stage("migrations", [sys.executable, "-m", "ci.migrations"]),
        Stage("policies", [sys.executable, "-m", "ci.policies"]),
        Stage("leftovers", remove),
        Stage(
            "unit",
            [*pytest, "tests/stacks", "tests/ci", "tests/loadtests", "--ignore=tests/stacks/aws"],
            tries=2,
            again=failed,
        ),
        Stage("aws", [*pytest_aws, "tests/stacks/aws", "tests/policies"]),
        # Skips, and says so, where there is no provider plugin. Against an emulator: nothing reaches AWS.
        # At times the emulator does what it is asked and its answer is lost: the SDK asks again and is told
        # that it is done already. A fault of ours fails each time.
        Stage("emulated", [*limited, *pytest_aws, "-m", "not slow", "tests/emulated"], tries=3),
        Stage("up", ["make", "--no-print-directory", "up", f"STACK={stack}"]),
        Stage("store", [*pytest, "tests/app"]),
        Stage("fuzz", [*pytest, "tests/fuzz"]),
        Stage("live", [*pytest, "tests/live"], tries=2, again=failed),
    ]
    return stages if keep else [*stages, Stage("down", remove, always=True)]


def run(stages: Sequence[Stage], environment: dict[str, str]) -> list[Outcome]:
    """Runs the stages, none but those of `always` after one has failed."""
    outcomes: list[Outcome] = []
    for stage in stages:
        if any(one.code for one in outcomes) and not stage.always:
            outcomes.append(Outcome(stage))
            continue
        print(f"\n── {stage.name} ──", flush=True)
        begin, tries = monotonic(), 0
        while True:
            command = [*stage.command, *(stage.again if tries else ())]
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
            tries += 1
            if code != 1 or tries >= stage.tries:
                break
            print(f"\n── {stage.name}, which failed, again ──", flush=True)
        outcomes.append(Outcome(stage, monotonic() - begin, tries, code))
    return outcomes


def main() -> int:
    environment = os.environ | {"STORESTACK_STACK": STACK}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    outcomes = run(plan(STACK, keep=os.environ.get("KEEP") == "1"), environment)
    print("\nstage         seconds  outcome")
    print(*outcomes, sep="\n")
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
