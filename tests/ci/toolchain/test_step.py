"""A step makes its part once, whoever else runs, and says what it found."""

import threading
from pathlib import Path

import pytest

from ci.toolchain.progress import Report, ToolchainError
from ci.toolchain.step import Step


def make_step(part: Path, made: list[str], *, works: bool = True) -> Step:
    def make(_: Report) -> None:
        made.append(part.name)
        if works:
            part.touch()

    return Step("Part", lambda: str(part) if part.exists() else None, make, lock="part")


def test_a_part_that_is_there_is_not_made_again(cache: Path, tmp_path: Path) -> None:
    made: list[str] = []
    step = make_step(tmp_path / "part", made)
    step.run()
    step.run()
    assert made == ["part"]


def test_of_two_runs_at_once_one_makes_the_part_and_both_find_it(cache: Path, tmp_path: Path) -> None:
    made: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def make(_: Report) -> None:
        inside.set()
        go_on.wait(5)
        made.append("part")
        (tmp_path / "part").touch()

    step = Step("Part", lambda: "there" if (tmp_path / "part").exists() else None, make, lock="part")
    first, second = threading.Thread(target=step.run), threading.Thread(target=step.run)
    first.start()
    assert inside.wait(5)
    second.start()
    second.join(0.2)
    assert second.is_alive(), "the second run must wait for the first"
    go_on.set()
    first.join(5)
    second.join(5)
    assert made == ["part"]


def test_a_part_that_is_missing_after_it_was_made_is_an_error(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="Part: it was made, but is not found"):
        make_step(tmp_path / "part", [], works=False).run()
