"""Keeps the checkout's virtual environments in step with their lock files."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ci.toolchain.cache import CHECKOUT
from ci.toolchain.progress import Command, Report, run
from ci.toolchain.step import Step
from ci.toolchain.uv import require_uv


def compute_stamp(lock: bytes, checkout: Path) -> str:
    """Returns what the stamp of an up-to-date environment says; a moved checkout needs a new one."""
    return hashlib.sha256(lock + str(checkout).encode()).hexdigest()


@dataclass(frozen=True)
class Environment:
    """A virtual environment in the checkout, and the lock file that says what is in it."""

    checkout: Path
    folder: Path
    lock: Path

    @property
    def interpreter(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Written last, so that an environment whose making was interrupted is made again."""
        return self.folder / "storestack-lock"

    def is_in_step(self) -> bool:
        """Says whether it was made from the lock file as it is now, and its interpreter is there."""
        # exists() follows the link: the Python it was made with may have been uninstalled.
        return (
            self.interpreter.exists()
            and self.stamp.exists()
            and self.stamp.read_text() == compute_stamp(self.lock.read_bytes(), self.checkout)
        )

    def find(self) -> str | None:
        return f"{self.folder} fits {self.lock.relative_to(self.checkout)}" if self.is_in_step() else None

    def make(self, report: Report) -> None:
        uv = require_uv()
        variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        self.stamp.unlink(missing_ok=True)
        if not _runs(self.interpreter):
            make: Command = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, self.folder]
            run(make, report, f"making {self.folder}", env=variables)
        # Compiled here: a machine may forbid Python to do it at the first import, and every run would pay.
        sync: Command = [uv, "pip", "sync", "--compile-bytecode"]
        sync += ["--require-hashes", "--python", self.interpreter, self.lock]
        run(
            sync,
            report,
            f"installing what {self.lock.name} lists",
            env=variables,
            mend="see the output above",
        )
        self._make_checkout_importable()
        self.stamp.write_text(compute_stamp(self.lock.read_bytes(), self.checkout))

    def _make_checkout_importable(self) -> None:
        """Puts the checkout on the environment's path.

        The engine starts dynamic providers in stacks/, from where `import stacks` would not be found.
        """
        [site_packages] = self.folder.glob("lib/python3.*/site-packages")
        (site_packages / "storestack.pth").write_text(f"{self.checkout}\n")

    def step(self, name: str) -> Step:
        lock = "environment-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Step(name, self.find, self.make, lock=lock)


def _runs(interpreter: Path) -> bool:
    if not interpreter.exists():
        return False
    return subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode == 0


MAIN = Environment(CHECKOUT, CHECKOUT / ".venv", CHECKOUT / "requirements" / "dev.lock")
# Apart, because the engine asks for the plugin of every Pulumi SDK that is installed, used or not.
AWS = Environment(CHECKOUT, CHECKOUT / ".venv-aws", CHECKOUT / "requirements" / "aws.lock")
POLICIES = Environment(CHECKOUT, CHECKOUT / "policies" / ".venv", CHECKOUT / "requirements" / "policies.lock")
STEP = MAIN.step("Python environment")
AWS_STEP = AWS.step("AWS environment")
POLICIES_STEP = POLICIES.step("Policies' environment")
