"""Keeps the checkout's `.venv` in step with `requirements/dev.lock`."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from ci.toolchain.cache import CHECKOUT
from ci.toolchain.progress import Command, Report, run
from ci.toolchain.step import Step
from ci.toolchain.uv import require_uv

VIRTUALENV = CHECKOUT / ".venv"
LOCK = CHECKOUT / "requirements" / "dev.lock"
# Written last, so that an environment whose making was interrupted is made again.
STAMP = VIRTUALENV / "storestack-lock"


def compute_stamp(lock: bytes, checkout: Path) -> str:
    """Returns what the stamp of an up-to-date environment says; a moved checkout needs a new one."""
    return hashlib.sha256(lock + str(checkout).encode()).hexdigest()


def locate_interpreter() -> Path:
    return VIRTUALENV / "bin" / "python"


def is_in_step() -> bool:
    """Says whether the environment was made from the lock file as it is now, and its interpreter is there."""
    # exists() follows the link: the Python it was made with may have been uninstalled.
    return (
        locate_interpreter().exists()
        and STAMP.exists()
        and STAMP.read_text() == compute_stamp(LOCK.read_bytes(), CHECKOUT)
    )


def _find() -> str | None:
    return f"{VIRTUALENV} fits {LOCK.relative_to(CHECKOUT)}" if is_in_step() else None


def _make(report: Report) -> None:
    uv = require_uv()
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    STAMP.unlink(missing_ok=True)
    if not _runs(locate_interpreter()):
        make: Command = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, VIRTUALENV]
        run(make, report, f"making {VIRTUALENV}", env=environment)
    # Compiled here, since a machine may forbid Python to do it at the first import, and every run would pay.
    sync: Command = [uv, "pip", "sync", "--compile-bytecode"]
    sync += ["--require-hashes", "--python", locate_interpreter(), LOCK]
    run(sync, report, f"installing what {LOCK.name} lists", env=environment, mend="see the output above")
    _make_checkout_importable()
    STAMP.write_text(compute_stamp(LOCK.read_bytes(), CHECKOUT))


def _make_checkout_importable() -> None:
    """Puts the checkout on the environment's path.

    The engine starts dynamic providers in stacks/, from where `import stacks` would not be found.
    """
    [site_packages] = VIRTUALENV.glob("lib/python3.*/site-packages")
    (site_packages / "storestack.pth").write_text(f"{CHECKOUT}\n")


def _runs(interpreter: Path) -> bool:
    if not interpreter.exists():
        return False
    return subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode == 0


STEP = Step(
    "Python environment",
    _find,
    _make,
    lock="environment-" + hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12],
)
