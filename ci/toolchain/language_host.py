"""Puts the language host for Python beside a Pulumi CLI that was built here; the official one has its own.

The host (host/language_host.py) gets an environment of its own, made from `sources/language_host.lock`,
because it serves every checkout of this user, whatever their own environments hold.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from ci.toolchain import pulumi_cli
from ci.toolchain.cache import SOURCES, build_aside
from ci.toolchain.progress import Command, Report, run
from ci.toolchain.step import Step
from ci.toolchain.uv import require_uv

SOURCE = Path(__file__).resolve().parent / "host" / "language_host.py"
LOCK = SOURCES / "language_host.lock"
LAUNCHER = "pulumi-language-python"


def compute_key(source: bytes, lock: bytes) -> str:
    """Returns the name of the host's directory: another source or other libraries are another host."""
    return hashlib.sha256(source + lock).hexdigest()[:16]


def render_launcher(home: Path) -> str:
    """Returns the executable the engine starts; `-I` keeps the program's directory off the host's path."""
    return f'#!/bin/sh\nexec "{home}/environment/bin/python" -I "{home}/language_host.py" "$@"\n'


def locate_home() -> Path:
    key = compute_key(SOURCE.read_bytes(), LOCK.read_bytes())
    return pulumi_cli.locate_cached_cli().parents[1] / "host" / key


def _find() -> str | None:
    cli = pulumi_cli.require_cli()
    if not cli.built:
        return "the CLI's own"
    launcher, home = cli.command.with_name(LAUNCHER), locate_home()
    # exists() follows the link: the Python it was made with may have been uninstalled.
    whole = (home / "environment" / "bin" / "python").exists()
    started = launcher.exists() and launcher.read_text() == render_launcher(home)
    return str(launcher) if whole and started else None


def _make(report: Report) -> None:
    cli, home = pulumi_cli.require_cli(), locate_home()
    with build_aside(home) as partial:
        shutil.copyfile(SOURCE, partial / SOURCE.name)
        shutil.copyfile(cli.command.with_name(f"{LAUNCHER}-exec"), partial / f"{LAUNCHER}-exec")
        # A relocatable environment survives the rename that ends build_aside.
        environment = partial / "environment"
        uv = require_uv()
        make: Command = [uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, environment]
        run(make, report, "making its environment")
        interpreter = environment / "bin" / "python"
        install: Command = [uv, "pip", "sync", "--compile-bytecode"]
        install += ["--require-hashes", "--python", interpreter, LOCK]
        run(install, report, f"installing what {LOCK.name} lists")
    launcher = cli.command.with_name(LAUNCHER)
    fresh = launcher.with_name(f".{LAUNCHER}.new")
    fresh.write_text(render_launcher(home))
    fresh.chmod(0o755)
    fresh.replace(launcher)


STEP = Step("Python language host", _find, _make, lock="language-host")
