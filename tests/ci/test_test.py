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
    assert [code for _, _, code in run(stages, {})] == [3, None, 0]
    assert {file.name for file in tmp_path.iterdir()} == {"first", "down"}


def test_the_stack_under_test_is_removed_before_and_after_unless_it_shall_be_kept() -> None:
    def removals(keep: bool) -> list[str]:
        return [stage.name for stage in plan("x", keep) if "down" in stage.command]

    assert removals(keep=False) == ["leftovers", "down"]
    assert removals(keep=True) == ["leftovers"]
