"""Where the toolchain lives outside the checkout, and how a part gets there: whole or not at all.

A part is built beside its place and moved there by one rename, under a file lock. A run that is killed
leaves a partial directory that the next run removes; two runs at once wait for each other.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent / "sources"
_PARTIAL = ".partial-"


def locate_cache() -> Path:
    """Returns the toolchain's directory: `$XDG_CACHE_HOME/storestack`, by default under ~/.cache."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "storestack"


def locate_pulumi_home() -> Path:
    """Returns where the Pulumi engine keeps its plugins: `$PULUMI_HOME`, by default ~/.pulumi."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


@contextlib.contextmanager
def hold_lock(name: str, announce: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of one step; while another run has it, says so and waits.

    The kernel drops the lock with its process, so a killed run never leaves it behind.
    """
    directory = locate_cache() / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            announce(f"waiting for another run (process {file.read().strip() or 'unknown'}) to finish it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def build_aside(target: Path) -> Iterator[Path]:
    """Yields an empty directory that becomes `target` when the block ends well, and goes away when not.

    Call it with the step's lock held: it first removes what killed runs left of the same target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep_partials(target)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}{_PARTIAL}", dir=target.parent))
    partial.chmod(0o755)
    try:
        yield partial
        if target.exists():
            outdated = target.with_name(f".{target.name}{_PARTIAL}replaced-{time.time_ns()}")
            target.rename(outdated)
            partial.rename(target)
            remove_tree(outdated)
        else:
            partial.rename(target)
    finally:
        if partial.exists():
            remove_tree(partial)


def sweep_partials(target: Path) -> None:
    """Removes the unfinished directories of a target."""
    for partial in target.parent.glob(f".{target.name}{_PARTIAL}*"):
        remove_tree(partial)


def remove_tree(directory: Path) -> None:
    """Removes a directory, also when parts of it are read-only as a copy of Go's module cache is."""
    for parent, _, _ in os.walk(directory):
        Path(parent).chmod(0o755)
    shutil.rmtree(directory)
