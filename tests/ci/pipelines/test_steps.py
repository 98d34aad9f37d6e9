"""The steps of every pipeline, from their own files, in a clean copy of the checkout.

`make` only says what it would do here: most verbs are stages of the very run that this test is part of, and
the rest needs a stack. tests/live runs a release's pipeline for real.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci.pipelines import gitlab, running
from ci.pipelines.__main__ import keep_machine, list_files, read
from ci.pipelines.jobs import Job, PipelineError
from ci.pipelines.running import Outcome
from ci.toolchain.cache import CHECKOUT

WORKFLOW = ".github/workflows"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git would bring, with what is not committed yet."""
    copy = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, copy / name)
    return copy


def rehearse(checkout: Path, jobs: Sequence[Job]) -> list[Outcome]:
    machine = keep_machine()
    return [outcome for job in jobs for outcome in running.run(job, checkout, machine, True, 60)]


def problems(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"{found.job.title}: {found.problem}" for found in outcomes if found.problem]


def test_every_step_of_every_job_runs_and_what_is_skipped_is_listed(checkout: Path) -> None:
    files = list_files(checkout)
    jobs = read(files, {})
    outcomes = rehearse(checkout, jobs)
    assert problems(outcomes) == []
    # Nothing is passed over: as many steps as the files have, for each line of a matrix.
    assert len(outcomes) == sum(len(job.steps) for job in jobs)
    for file in files:
        text = file.read_text()
        names = {job.name.split(" (")[0] for job in jobs if job.file == file.name}
        steps = {(step.name, step.script) for job in jobs if job.file == file.name for step in job.steps}
        skipped = {part.what for job in jobs if job.file == file.name for part in job.skipped}
        if file.name == gitlab.FILE:
            assert names == set(re.findall(r"(?m)^([\w-]+):\n(?:.+\n)*?  script:", text))
        else:
            assert names == set(re.findall(r"(?m)^  ([\w-]+):\n    name:", text))
            assert {script for _, script in steps} == set(re.findall(r"        run: (.+)", text))
            assert {re.sub(" .*", "", what[6:]) for what in skipped} == set(re.findall(r"uses: (\S+)", text))


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        (f"{WORKFLOW}/merge.yml", ("make live", "make life"), "exit code 2"),
        (f"{WORKFLOW}/merge.yml", ("make live", "maek live"), "exit code 127"),
        (f"{WORKFLOW}/merge.yml", ("release STACK=", "release STAK="), "STAK= is nothing"),
        (f"{WORKFLOW}/merge.yml", ("FROM=", "FORM="), "FORM= is nothing"),
        (f"{WORKFLOW}/load.yml", ('STACK="$STACK"', 'STACK="$STACK'), "exit code 2"),
        (f"{WORKFLOW}/load.yml", ("RATE: ${{ inputs.rate }}", "RATE: ${{ inputs.pace }}"), "inputs.pace"),
        (f"{WORKFLOW}/nightly.yml", ("${{ matrix.stack }}", "${{ matrix.stock }}"), "matrix.stock"),
        (f"{WORKFLOW}/pull_request.yml", ("github.event.number", "github.number"), "github.number"),
        (gitlab.FILE, ("    - make scan", "    - make scam"), "exit code 2"),
        (gitlab.FILE, ("extends: [.role, .merge]", "extends: [.roll, .merge]"), ".roll"),
        (gitlab.FILE, ("PROFILE=smoke", "PROFIL=smoke"), "PROFIL= is nothing"),
        ("Makefile", ("-m ci.release promote", "-m ci.releases promote"), "no module ci.releases"),
    ],
)
def test_a_slip_in_a_file_fails_the_run(
    file: str, change: tuple[str, str], says: str, checkout: Path
) -> None:
    path = checkout / file
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    files = list_files(checkout)
    try:
        found = problems(rehearse(checkout, read([path] if path in files else files, {})))
    except PipelineError as error:
        found = [str(error)]
    assert any(says in problem for problem in found), found


HOSTED = """
env:
  PLACE: workflow
  COLOUR: ${{ vars.COLOUR || 'grey' }}
jobs:
  paint:
    strategy: {matrix: {size: [small, large], include: [{size: huge}]}}
    env: {PLACE: job}
    steps:
      - uses: some/action@v1
      - run: echo "$PLACE $COLOUR ${{ matrix.size }}"
      - run: echo "$PLACE"
        env: {PLACE: step}
      - run: echo unasked
        if: vars.ROLE != ''
      - run: false | true
      - run: echo never
"""


def test_a_job_runs_as_on_its_host_until_its_first_failure(tmp_path: Path) -> None:
    (tmp_path / "paint.yml").write_text(HOSTED)
    jobs = read([tmp_path / "paint.yml"], {"COLOUR": "red"})
    assert [job.name for job in jobs] == ["paint (small)", "paint (large)", "paint (huge)"]
    assert [part.what for part in jobs[0].skipped] == ["uses: some/action@v1"]
    outcomes = list(running.run(jobs[2], tmp_path, keep_machine(), False, 60))
    assert [outcome.output for outcome in outcomes] == ["job red huge\n", "step\n", ""]
    asked = read([tmp_path / "paint.yml"], {"ROLE": "any"})[2]
    assert "unasked\n" in [found.output for found in running.run(asked, tmp_path, keep_machine(), False, 60)]
    # Of a pipe every part counts.
    assert [outcome.problem for outcome in outcomes] == ["", "", "exit code 1"]


def test_a_step_that_hangs_is_ended(tmp_path: Path) -> None:
    (tmp_path / "slow.yml").write_text("jobs: {slow: {steps: [{run: 'echo begun; sleep 60'}]}}")
    [job] = read([tmp_path / "slow.yml"], {})
    [outcome] = running.run(job, tmp_path, keep_machine(), False, 1)
    assert outcome.output == "begun\n"
    assert outcome.problem == "took more than 1 s"


EXTENDED = """
variables: {COLOUR: red}
.base:
  variables: {PLACE: here, WHOLE: $COLOUR-$PLACE-$SIZE}
  before_script: [set -u]
paint:
  extends: .base
  parallel: {matrix: [{SIZE: [small, large]}]}
  variables: {PLACE: there}
  script: ['echo "$WHOLE"']
  after_script: [echo over]
"""


def test_gitlabs_jobs_have_what_they_extend(tmp_path: Path) -> None:
    path = tmp_path / gitlab.FILE
    path.write_text(EXTENDED)
    jobs = read([path], {})
    assert [job.name for job in jobs] == ["paint (small)", "paint (large)"]
    outcomes = list(running.run(jobs[1], tmp_path, keep_machine(), False, 60))
    assert [outcome.output for outcome in outcomes] == ["red-there-large\n", "over\n"]


def test_a_pull_requests_code_never_meets_a_token_that_writes() -> None:
    text = (CHECKOUT / WORKFLOW / "pull_request.yml").read_text()
    jobs = re.split(r"(?m)^  (?=[\w-]+:$)", text.split("\njobs:\n")[1])
    writers = [job for job in jobs if "pull-requests: write" in job]
    assert len(writers) == 1
    assert "checkout@" not in writers[0]
    # What it says comes from the job that ran the code, as a file.
    assert "--body-file preview.md" in writers[0]
    assert "path: preview.md" in text
