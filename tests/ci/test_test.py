"""The stages of `make test`."""

import sys
from pathlib import Path

from ci.test import Stage, plan, run


def writes(file: Path, code: int = 0) -> list[str]:
    """A command that leaves a file behind and ends with a code."""
    return [
        sys.executable,
        "-c",
        f"import pathlib, sys; pathlib.Path({str(file)!r}).touch(); sys.exit({code})",
    ]


def test_after_a_failed_stage_only_the_removal_runs(tmp_path: Path) -> None:
    stages = [
        Stage("first", writes(tmp_path / "first", 3)),
        Stage("second", writes(tmp_path / "second")),
        Stage("down", writes(tmp_path / "down"), always=True),
    ]
    assert [outcome.code for outcome in run(stages, {})] == [3, None, 0]
    assert {file.name for file in tmp_path.iterdir()} == {"first", "down"}


def test_the_stack_under_test_is_removed_before_and_after_unless_it_shall_be_kept() -> None:
    def removals(keep: bool) -> list[str]:
        return [stage.name for stage in plan("x", keep) if "down" in stage.command]

    assert removals(keep=False) == ["leftovers", "down"]
    assert removals(keep=True) == ["leftovers"]


def fails(file: Path, times: int, code: int) -> list[str]:
    """A command that ends with `code` so many times, then well; `file` counts how often it ran."""
    text = (
        "import pathlib, sys; file = pathlib.Path(sys.argv[1]);"
        " ran = len(file.read_text()) if file.exists() else 0;"
        " file.write_text('x' * (ran + 1)); sys.exit(int(sys.argv[3]) if ran < int(sys.argv[2]) else 0)"
    )
    return [sys.executable, "-c", text, str(file), str(times), str(code)]


def test_only_a_stage_that_may_is_run_again_and_only_after_failed_tests(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    for times, code, tries, outcome, runs in (
        (1, 1, 2, 0, 2),
        (2, 1, 2, 1, 2),
        (1, 1, 1, 1, 1),
        (1, 124, 2, 124, 1),
        (0, 1, 2, 0, 1),
    ):
        file.unlink(missing_ok=True)
        stages = [Stage("emulated", fails(file, times, code), tries=tries)]
        assert [ended.code for ended in run(stages, {})] == [outcome]
        assert len(file.read_text()) == runs


def test_a_later_try_adds_its_options_and_the_table_says_that_there_was_one(tmp_path: Path) -> None:
    script = "import sys; sys.exit(sys.argv[1:] != ['--last-failed'])"
    stage = Stage("live", [sys.executable, "-c", script], tries=2, again=["--last-failed"])
    (outcome,) = run([stage], {})
    assert (outcome.code, outcome.tries) == (0, 2)
    assert str(outcome).endswith("passed at try 2: see above what failed")
