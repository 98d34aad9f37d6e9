"""When the checkout's environment is made again."""

from pathlib import Path

import pytest

from ci.toolchain import environment


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose environment fits its lock file."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.lock").write_text("pulumi==3.272.0\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/bin/sh")
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path)
    monkeypatch.setattr(environment, "VIRTUALENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "LOCK", tmp_path / "requirements" / "dev.lock")
    monkeypatch.setattr(environment, "STAMP", tmp_path / ".venv" / "storestack-lock")
    environment.STAMP.write_text(environment.compute_stamp(environment.LOCK.read_bytes(), tmp_path))
    return tmp_path


def test_an_environment_that_fits_its_lock_is_left_alone(checkout: Path) -> None:
    assert environment.is_in_step()


def test_a_changed_lock_asks_for_a_new_sync(checkout: Path) -> None:
    environment.LOCK.write_text("pulumi==3.273.0\n")
    assert not environment.is_in_step()


def test_an_interrupted_sync_is_done_again(checkout: Path) -> None:
    environment.STAMP.unlink()
    assert not environment.is_in_step()


def test_an_environment_whose_python_was_uninstalled_is_made_again(checkout: Path) -> None:
    environment.locate_interpreter().unlink()
    environment.locate_interpreter().symlink_to(checkout / "gone")
    assert not environment.is_in_step()


def test_a_moved_checkout_gets_its_path_into_the_environment_again(checkout: Path) -> None:
    lock = environment.LOCK.read_bytes()
    assert environment.compute_stamp(lock, checkout) != environment.compute_stamp(lock, checkout / "moved")
