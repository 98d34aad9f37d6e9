"""Runs a job's steps as a runner would: each in a shell of its own, and the first failure ends the job.

A rehearsal runs the same shell on the same script, but `make` and programs of the host only say what they
would do. It finds a verb or a module that is not there, a variable that the verb does not read, and whatever
the shell itself stumbles over. It is for steps that would run the tests within the tests, or need an account.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci.pipelines.jobs import Job, Step

# As GitHub does for `shell: bash`; GitLab's runner does the same where bash is there.
SHELL: Final = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
VARIABLE: Final = re.compile(r"([A-Z_]+)=")
# No default of any verb.
MARK: Final = "what-was-given"
NOTHING: Final = re.compile(r"Nothing to be done for '(.+)'")
# What the host's runners have and a machine need not.
HOST_PROGRAMS: Final = ("gh",)
STAND_INS: Final = "".join(f'{name}() {{ printf "{name} %s\\n" "$*"; }}\n' for name in HOST_PROGRAMS)
MODULE: Final = re.compile(r"-m ((?:ci|loadtests|app|policies)[\w.]*)")


@dataclass(frozen=True)
class Outcome:
    """How one step ended; `problem` is empty for one that did well."""

    job: Job
    step: Step
    output: str
    problem: str


def run(
    job: Job, checkout: Path, machine: Mapping[str, str], rehearse: bool, seconds: float
) -> Iterator[Outcome]:
    """Run the steps in `checkout`; `machine` is what a runner has of its own. Ends at the first failure."""
    for step in job.steps:
        if step.unmet and not rehearse:
            continue
        environment = {**machine, **step.environment}
        if rehearse:
            environment["MAKEFLAGS"] = "n"
        script = STAND_INS + step.script if rehearse else step.script
        try:
            done = subprocess.run(
                [*SHELL, "-c", script],
                cwd=checkout,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            output = late.output.decode() if isinstance(late.output, bytes) else ""
            yield Outcome(job, step, output, f"took more than {seconds:.0f} s")
            return
        problem = f"exit code {done.returncode}" if done.returncode else ""
        if rehearse and not problem:
            problem = "; ".join(find_slips(step, done.stdout, checkout))
        yield Outcome(job, step, done.stdout, problem)
        if problem:
            return


def find_slips(step: Step, printed: str, checkout: Path) -> Iterator[str]:
    """What `make` itself lets pass: verbs that do nothing, variables they do not read, missing modules."""
    for verb in NOTHING.findall(printed):
        yield f"`make {verb}` does nothing"
    for line in step.script.splitlines():
        words = shlex.split(line)
        if words[:1] != ["make"]:
            continue
        for name in (match[1] for word in words if (match := VARIABLE.match(word))):
            if not is_read(words[1], name, checkout):
                yield f"{name}= is nothing that `make {words[1]}` reads"
    for module in sorted(set(MODULE.findall(printed))):
        place = checkout.joinpath(*module.split("."))
        if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists():
            yield f"there is no module {module}"


def is_read(verb: str, name: str, checkout: Path) -> bool:
    """Whether the verb's recipe says another thing when the variable does."""
    command = ["make", "--dry-run", "--silent", verb, f"{name}={MARK}"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    return MARK in done.stdout
