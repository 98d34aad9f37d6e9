"""Which uv is used."""

from pathlib import Path

from ci.toolchain import uv
from tests.ci.toolchain.conftest import write_program


def test_a_recent_uv_on_path_comes_first(cache: Path, tmp_path: Path) -> None:
    write_program(uv.locate_cached_uv(), "uv 0.13.9")
    own = write_program(tmp_path / "programs" / "uv", "uv 0.12.0")
    assert uv.locate_uv() == own


def test_an_old_or_broken_uv_on_path_is_passed_over(cache: Path, tmp_path: Path) -> None:
    cached = write_program(uv.locate_cached_uv(), "uv 0.13.9")
    for printed in ("uv 0.1.2", "cannot run"):
        write_program(tmp_path / "programs" / "uv", printed)
        assert uv.locate_uv() == cached


def test_no_uv_is_no_uv(cache: Path) -> None:
    assert uv.locate_uv() is None
    assert uv.STEP.find() is None
