"""Makes sure a Docker engine answers: present, else the distribution's package as root, else an error."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from ci.toolchain import engine_api, machine, pins
from ci.toolchain.engine_api import EngineError
from ci.toolchain.progress import Report, ToolchainError, run
from ci.toolchain.step import Step
from ci.toolchain.versions import is_at_least

PACKAGE = "docker.io"
LOG = Path("/var/log/storestack-dockerd.log")
# An engine with many containers to restore needs its time.
_START_SECONDS = 60.0


def read_version() -> str:
    """Returns the version of the engine that answers; raises EngineError when none does."""
    return str(engine_api.ask_json("/version")["Version"])


def explain(error: EngineError) -> str:
    """Returns why no engine answers, with its mend, for a user who may not install or start one."""
    if error.denied:
        return (
            f"{error}: join the group that has it (`sudo usermod -aG docker $USER`) and log in again, "
            "or run this as root"
        )
    if os.environ.get("DOCKER_HOST"):
        return f"no Docker engine: {error}: start it, or unset DOCKER_HOST"
    if shutil.which("dockerd"):
        return f"no Docker engine: {error}: start it with `sudo systemctl start docker`"
    return (
        f"no Docker engine: {error}: install one (https://docs.docker.com/engine/install/; "
        f"on Debian and Ubuntu `sudo apt-get install {PACKAGE}`)"
    )


def _find() -> str | None:
    with contextlib.suppress(EngineError):
        version = read_version()
        if not is_at_least(version, pins.OLDEST_ENGINE):
            raise ToolchainError(
                f"the Docker engine is {version}, {pins.OLDEST_ENGINE} or newer is needed: upgrade it"
            )
        return f"{version}, {engine_api.locate_engine()}"
    return None


def _make(report: Report) -> None:
    installed = shutil.which("dockerd") is not None
    try:
        read_version()
    except EngineError as error:
        may_start = machine.is_root() and not error.denied and not os.environ.get("DOCKER_HOST")
        if not may_start or not (installed or machine.can_install_packages()):
            raise ToolchainError(explain(error)) from error
        if not installed:
            machine.install_packages([PACKAGE], report)
        _start(report)


def _start(report: Report) -> None:
    """Starts the engine: by systemd where it runs, else detached from this process."""
    if Path("/run/systemd/system").exists():
        run(["systemctl", "enable", "--now", "docker"], report, "starting the engine")
        process = None
    else:
        report.say(f"starting the engine, which logs to {LOG}")
        with LOG.open("ab") as log:
            process = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            read_version()
            return
        except EngineError as error:
            if (process and process.poll() is not None) or time.monotonic() > deadline:
                cause = _read_end(LOG) or error
                raise ToolchainError(
                    f"the Docker engine did not start: {cause}; see {LOG} or `journalctl -u docker`"
                ) from error
            time.sleep(0.2)


def _read_end(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1].strip() if lines else ""


STEP = Step("Docker engine", _find, _make, lock="engine")
