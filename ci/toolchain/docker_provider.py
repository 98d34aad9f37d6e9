"""Installs the provider plugin for Docker where the Pulumi engine looks for plugins.

Present, else the official one by the CLI's own means, else built from Go modules: the Terraform provider
behind pulumi-terraform-bridge (sources/docker_provider), compatible with the SDK of the same version except
for `docker.Image`, which it lacks.
"""

import shutil
import tarfile
from pathlib import Path

from ci.toolchain import downloads, pins, pulumi_cli
from ci.toolchain.cache import build_aside, locate_cache, locate_pulumi_home, remove_tree
from ci.toolchain.golang import Go, copy_sources, find_go
from ci.toolchain.progress import Command, Report, ToolchainError, run
from ci.toolchain.step import Step

PROGRAM = "pulumi-resource-docker"
# Where the CLI downloads plugins from, in its own order.
ORIGINS = ("https://github.com", "https://get.pulumi.com")
_DOWNLOAD_SECONDS = 600.0


def locate_plugin() -> Path:
    return locate_pulumi_home() / "plugins" / f"resource-docker-v{pins.DOCKER_PROVIDER}" / PROGRAM


def _find() -> str | None:
    plugin = locate_plugin()
    return f"{pins.DOCKER_PROVIDER}, {plugin}" if plugin.exists() else None


def _make(report: Report) -> None:
    cli = pulumi_cli.require_cli()
    install: Command = [cli.command, "plugin", "install", "resource", "docker", pins.DOCKER_PROVIDER]
    if any(downloads.is_reachable(origin) for origin in ORIGINS):
        try:
            run(install, report, "downloading the official plugin", timeout=_DOWNLOAD_SECONDS)
            return
        except ToolchainError as error:
            report.say(f"no official plugin ({error}), so it is built from Go modules")
    else:
        report.say("no official download within reach, so it is built from Go modules")
    archive = _build(report)
    run([*install, "--reinstall", "--file", archive], report, "handing it to the Pulumi engine")


def _build(report: Report) -> Path:
    """Returns the plugin as the archive `pulumi plugin install --file` takes."""
    target = locate_cache() / "docker-provider" / pins.DOCKER_PROVIDER
    archive = "plugin.tar.gz"
    if not (target / archive).exists():
        go = find_go(report)
        with build_aside(target) as partial:
            source = partial / "source"
            copy_sources("docker_provider", source)
            _add_upstream(go, source)
            flags = ("-tags=no_compose", "-ldflags=-s -w")
            go.build(f"./cmd/{PROGRAM}", partial / PROGRAM, source, report, flags=flags)
            with tarfile.open(partial / archive, "w:gz", compresslevel=1) as content:
                content.add(partial / PROGRAM, arcname=PROGRAM)
            (partial / PROGRAM).unlink()
            remove_tree(source)
    return target / archive


def _add_upstream(go: Go, source: Path) -> None:
    """Adds a copy of the Terraform provider whose provider package, internal by name, can be imported.

    Its go.mod asks for the tools of its own development, so the copy gets one that asks for nothing: every
    version is chosen in ours.
    """
    origin, checksum = go.download_module(pins.DOCKER_UPSTREAM, source)
    if checksum != pins.DOCKER_UPSTREAM_SUM:
        raise ToolchainError(
            f"{pins.DOCKER_UPSTREAM} has the checksum {checksum}, "
            f"{pins.DOCKER_UPSTREAM_SUM} was pinned: ask who runs your Go module proxy"
        )
    upstream = source / "upstream"
    upstream.mkdir()
    shutil.copytree(origin / "internal", upstream / "internal")
    # Copies of the module cache are read-only.
    for parent in [upstream, *(path for path in upstream.rglob("*") if path.is_dir())]:
        parent.chmod(0o755)
    shutil.move(source / "export", upstream / "export")
    shutil.move(source / "upstream.mod", upstream / "go.mod")


STEP = Step("Docker provider plugin", _find, _make, lock="docker-provider")
