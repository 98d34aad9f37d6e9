"""Finds a Pulumi CLI: on PATH, else in the cache, else the official download, else built from Go modules.

The built one is the same source at the same version. Its language host for Python is language_host.py's.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ci.toolchain import downloads, machine, pins
from ci.toolchain.cache import build_aside, locate_cache
from ci.toolchain.golang import copy_sources, find_go
from ci.toolchain.progress import Report, ToolchainError, run
from ci.toolchain.step import Step
from ci.toolchain.versions import is_at_least

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
RELEASES = "https://get.pulumi.com/releases/sdk"
# Scripts of the SDK's module that the official archive ships beside the CLI.
SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
# In the directory of a CLI that was built here, and so needs a language host.
BUILT_MARK = "built-from-modules"


@dataclass(frozen=True)
class Cli:
    """A CLI in use, and whether the toolchain built it."""

    command: Path
    version: str
    built: bool


def locate_cached_cli() -> Path:
    return locate_cache() / "pulumi" / pins.PULUMI / "bin" / "pulumi"


def locate_cli() -> Cli | None:
    """Returns the CLI to use: a recent one on PATH with its language host, else the cached one."""
    cached = locate_cached_cli()
    on_path = shutil.which("pulumi")
    if on_path and Path(on_path).resolve() != cached.resolve():
        version = read_version(on_path)
        if is_usable(version, has_language_host=_has_language_host(Path(on_path))):
            return Cli(Path(on_path), version, built=False)
    if not cached.exists():
        return None
    return Cli(cached, pins.PULUMI, built=(cached.parents[1] / BUILT_MARK).exists())


def is_usable(version: str, *, has_language_host: bool) -> bool:
    """Says whether a CLI found on PATH can run this project as it is; Pulumi 4 may not be compatible."""
    fits = is_at_least(version, pins.OLDEST_PULUMI) and not is_at_least(version, "4.0.0")
    return fits and has_language_host


def read_version(command: str | Path) -> str:
    """Returns the version a CLI prints, without its "v"; empty when it does not run."""
    try:
        found = subprocess.run([command, "version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip().removeprefix("v")


def require_cli() -> Cli:
    """Returns the CLI for the steps after this one."""
    cli = locate_cli()
    if cli is None:
        raise ToolchainError("the Pulumi CLI is missing: run `make toolchain`")
    return cli


def _has_language_host(command: Path) -> bool:
    beside = command.resolve().with_name("pulumi-language-python")
    return beside.exists() or shutil.which("pulumi-language-python") is not None


def _find() -> str | None:
    cli = locate_cli()
    return f"{cli.version}, {cli.command}" if cli else None


def _make(report: Report) -> None:
    with build_aside(locate_cached_cli().parents[1]) as partial:
        try:
            _download(partial, report)
        except downloads.UnreachableError as error:
            report.say(f"no official download ({error}), so it is built from Go modules")
            _build(partial, report)
        except downloads.ChecksumError as error:
            raise ToolchainError(f"refused: {error}; try again, or ask who runs your proxy") from error


def _download(partial: Path, report: Report) -> None:
    """Gets the official archive; its checksum comes from the list of the same release, over TLS."""
    system, processor = machine.name_platform()
    processor = {"amd64": "x64"}.get(processor, processor)
    archive = f"pulumi-v{pins.PULUMI}-{system}-{processor}.tar.gz"
    checksums = downloads.parse_checksums(
        downloads.fetch_text(f"{RELEASES}/pulumi-{pins.PULUMI}-checksums.txt")
    )
    if archive not in checksums:
        raise downloads.UnreachableError(f"the release lists no {archive}")
    report.say(f"downloading {archive}")
    file = partial / archive
    downloads.fetch_file(f"{RELEASES}/{archive}", checksums[archive], file)
    run(["tar", "-xzf", file, "-C", partial], report, f"unpacking {archive}")
    file.unlink()
    # The archive holds one directory, `pulumi`, with every program in it.
    (partial / "pulumi").rename(partial / "bin")


def _build(partial: Path, report: Report) -> None:
    go = find_go(report)
    source = partial / "source"
    copy_sources("pulumi_cli", source)
    programs = partial / "bin"
    programs.mkdir()
    stamp = f"-s -w -X {SDK}/go/common/version.Version={pins.PULUMI}"
    go.build(PACKAGE, programs / "pulumi", source, report, flags=("-ldflags", stamp))
    sdk, _ = go.download_module(f"{SDK}@v{pins.PULUMI}", source)
    for script in SCRIPTS:
        copy = programs / Path(script).name
        shutil.copyfile(sdk / script, copy)
        copy.chmod(0o755)
    (partial / BUILT_MARK).touch()
    shutil.rmtree(source)


STEP = Step("Pulumi CLI", _find, _make, lock="pulumi-cli")
