"""Makes sure there is a Chromium for the browser tests: present, else the distribution's package as root."""

import shutil

from ci.toolchain import machine
from ci.toolchain.progress import Report, ToolchainError
from ci.toolchain.step import Step

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium"


def locate() -> str | None:
    """The browser's path, None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def _make(report: Report) -> None:
    if not machine.can_install_packages():
        raise ToolchainError(
            f"no Chromium for the browser tests: install it (on Debian `sudo apt-get install {PACKAGE}`)"
        )
    machine.install_packages([PACKAGE], report)


STEP = Step("Chromium", locate, _make, lock="browser")
