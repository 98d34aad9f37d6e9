"""Rehearse the pipelines, or run one job of them for real, on this machine.

python -m ci.pipelines                                          every job of every file, rehearsed
python -m ci.pipelines --run .github/workflows/merge.yml staging    one job for real
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from ci.pipelines import github, gitlab, running
from ci.pipelines.jobs import Job, PipelineError
from ci.toolchain.cache import CHECKOUT

# What a runner has of its own.
MACHINE: Final = (
    "PATH",
    "HOME",
    "LANG",
    "USER",
    "XDG_CACHE_HOME",
    "PULUMI_HOME",
    "DOCKER_HOST",
    "SSL_CERT_FILE",
)
REHEARSAL_SECONDS: Final = 60
RUN_SECONDS: Final = 3600


def list_files(checkout: Path) -> list[Path]:
    return [*sorted(checkout.glob(".github/workflows/*.yml")), checkout / gitlab.FILE]


def read(files: Sequence[Path], variables: dict[str, str]) -> list[Job]:
    jobs: list[Job] = []
    for file in files:
        try:
            jobs += (gitlab if file.name == gitlab.FILE else github).read(file, variables)
        except (PipelineError, yaml.YAMLError) as error:
            raise PipelineError(f"{file.name}: {error}") from None
    return jobs


def keep_machine() -> dict[str, str]:
    """This machine's own environment, without what the shell that started this has set besides."""
    return {name: os.environ[name] for name in MACHINE if name in os.environ}


def carry_out(jobs: Sequence[Job], checkout: Path, rehearse: bool) -> int:
    """Run the jobs and tell what became of each step; how many failed."""
    failed = 0
    seconds = REHEARSAL_SECONDS if rehearse else RUN_SECONDS
    for job in jobs:
        for outcome in running.run(job, checkout, keep_machine(), rehearse, seconds):
            word = "failed" if outcome.problem else "rehearsed" if rehearse else "ran"
            print(f"{word:<10} {job.title}: {outcome.step.name}")
            if outcome.problem or not rehearse:
                print(outcome.output, end="")
            if outcome.problem:
                failed += 1
                print(f"error: {job.title}: {outcome.step.name}: {outcome.problem}", file=sys.stderr)
        unmet = [] if rehearse else [step for step in job.steps if step.unmet]
        for step in unmet:
            print(f"{'skipped':<10} {job.title}: {step.name}: not so: {step.unmet}")
        for part in job.skipped:
            print(f"{'skipped':<10} {job.title}: {part.what}: {part.reason}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ci.pipelines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", action="store_true", help="run the steps for real")
    parser.add_argument("file", nargs="?", type=Path, help="a workflow, or GitLab's file; else all of them")
    parser.add_argument("job", nargs="?", help="one job of it")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="instead of the file's"
    )
    chosen = parser.parse_args()
    if chosen.run and not chosen.job:
        parser.error("--run takes a file and a job: all of them at once would be a day's work")
    try:
        jobs = read(
            [chosen.file] if chosen.file else list_files(CHECKOUT), dict(os.environ) if chosen.run else {}
        )
        instead = dict(setting.partition("=")[::2] for setting in chosen.set)
        wanted = [job.with_environment(instead) for job in jobs if chosen.job in (None, job.name)]
    except (OSError, PipelineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not wanted:
        names = ", ".join(job.name for job in jobs)
        print(f"error: no job {chosen.job!r} in {chosen.file}: there are {names}", file=sys.stderr)
        return 1
    return 1 if carry_out(wanted, CHECKOUT, rehearse=not chosen.run) else 0


if __name__ == "__main__":
    sys.exit(main())
