"""When an environment of the checkout is made again."""

from pathlib import Path

import pytest

from ci.toolchain.environment import Environment, compute_stamp


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment that fits its lock file."""
    made = Environment(tmp_path, tmp_path / ".venv", tmp_path / "requirements" / "dev.lock")
    made.lock.parent.mkdir()
    made.lock.write_text("pulumi==3.272.0\n")
    made.interpreter.parent.mkdir(parents=True)
    made.interpreter.symlink_to("/bin/sh")
    made.stamp.write_text(compute_stamp(made.lock.read_bytes(), tmp_path))
    return made


def test_an_environment_that_fits_its_lock_is_left_alone(environment: Environment) -> None:
    assert environment.is_in_step()


def test_a_changed_lock_asks_for_a_new_sync(environment: Environment) -> None:
    environment.lock.write_text("pulumi==3.273.0\n")
    assert not environment.is_in_step()


def test_an_interrupted_sync_is_done_again(environment: Environment) -> None:
    environment.stamp.unlink()
    assert not environment.is_in_step()


def test_an_environment_whose_python_was_uninstalled_is_made_again(environment: Environment) -> None:
    environment.interpreter.unlink()
    environment.interpreter.symlink_to(environment.checkout / "gone")
    assert not environment.is_in_step()


def test_a_moved_checkout_gets_its_path_into_the_environment_again(environment: Environment) -> None:
    lock = environment.lock.read_bytes()
    moved = environment.checkout / "moved"
    assert compute_stamp(lock, environment.checkout) != compute_stamp(lock, moved)
