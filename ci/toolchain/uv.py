"""Finds uv, or installs it into the cache by whatever way to the package index this Python has."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ci.toolchain import machine, pins
from ci.toolchain.cache import SOURCES, build_aside, locate_cache
from ci.toolchain.progress import Command, Report, ToolchainError, run
from ci.toolchain.step import Step
from ci.toolchain.versions import is_at_least

_MEND = "install it by hand (https://docs.astral.sh/uv/) and put it on PATH"


def locate_cached_uv() -> Path:
    return locate_cache() / "uv" / pins.UV / "bin" / "uv"


def locate_uv() -> Path | None:
    """Returns the uv to use: a recent one on PATH, else the cached one."""
    on_path = shutil.which("uv")
    if on_path and is_at_least(read_version(on_path), pins.OLDEST_UV):
        return Path(on_path)
    cached = locate_cached_uv()
    return cached if cached.exists() else None


def read_version(uv: str | Path) -> str:
    """Returns what `uv --version` prints; empty when it does not run."""
    try:
        return subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def require_uv() -> Path:
    """Returns uv for the steps after this one."""
    uv = locate_uv()
    if uv is None:
        raise ToolchainError(f"uv is missing: {_MEND}")
    return uv


def _find() -> str | None:
    uv = locate_uv()
    return str(uv) if uv else None


def _install(report: Report) -> None:
    """Tries pip, then the pip that comes inside Python, then the distribution's pip."""
    ways: list[tuple[str, Callable[[Report], Path | None]]] = [
        ("this Python's pip", _borrow_pip),
        ("the pip inside Python", _unpack_pip),
        ("the distribution's pip", _install_pip),
    ]
    for name, find_python in ways:
        python = find_python(report)
        if python is None:
            continue
        report.say(f"installing with {name}")
        with build_aside(locate_cached_uv().parents[1]) as partial:
            lock = SOURCES / "uv.lock"
            pip: Command = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
            pip += ["--require-hashes", "--no-deps", "--target", partial, "-r", lock]
            run(pip, report, f"downloading uv {pins.UV}", mend=_MEND)
        return
    raise ToolchainError(
        f"uv is missing, and this Python ({sys.executable}) has no pip to install it with: {_MEND}"
    )


def _borrow_pip(_: Report) -> Path | None:
    probe = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    return Path(sys.executable) if probe.returncode == 0 else None


def _unpack_pip(_: Report) -> Path | None:
    """Makes a throwaway environment with the pip that Python brings along; Debian's Python brings none."""
    place = locate_cache() / "uv" / "pip"
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", place], capture_output=True, env=os.environ, check=False
    )
    return place / "bin" / "python" if made.returncode == 0 else None


def _install_pip(report: Report) -> Path | None:
    if not machine.can_install_packages():
        return None
    machine.install_packages(["python3-pip"], report)
    # Debian's pip belongs to Debian's Python, which may not be the one that runs this.
    return Path("/usr/bin/python3")


STEP = Step("uv", _find, _install, lock="uv")
