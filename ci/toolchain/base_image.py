"""Provides the image every other one is built from: present, else pulled, else made of Debian packages.

The home-made one holds what the official one of the same name holds: Debian's minimal system, with the
updates' and security archives in its package sources.
"""

import io
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from urllib.parse import quote

from ci.toolchain import engine_api, machine, pins
from ci.toolchain.cache import SOURCES, locate_cache, remove_tree
from ci.toolchain.engine_api import EngineError
from ci.toolchain.progress import HEARTBEAT_SECONDS, Command, Report, ToolchainError, run
from ci.toolchain.step import Step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FINISH = SOURCES / "base_image" / "finish.sh"
# The engine asks a registry that is out of reach for about this long before it says so.
_PULL_SILENCE_SECONDS = 30.0
_BLOCK = 1 << 20


def choose_tool(*, root: bool, available: frozenset[str], can_install: bool) -> str:
    """Returns the program that makes the system: "debootstrap" as root, "mmdebstrap" for anyone else.

    Raises ToolchainError where neither is there nor can be installed.
    """
    wanted = "debootstrap" if root else "mmdebstrap"
    if wanted in available or can_install:
        return wanted
    package = "install it" if root else "ask an administrator to install it"
    raise ToolchainError(
        f"{pins.BASE_IMAGE} cannot be pulled (no image registry within reach), "
        f"and {wanted}, which would make it, is missing: {package}, or load the image with `docker load`"
    )


def _find() -> str | None:
    try:
        found = engine_api.find_image(pins.BASE_IMAGE)
    except EngineError as error:
        raise ToolchainError(f"the Docker engine was not asked for {pins.BASE_IMAGE}: {error}") from error
    return f"{pins.BASE_IMAGE}, {str(found['Id'])[7:19]}" if found else None


def _make(report: Report) -> None:
    try:
        _pull(report)
    except EngineError as error:
        report.say(f"not pulled ({error}), so it is made of Debian packages")
        _bootstrap(report)


def _pull(report: Report) -> None:
    name, tag = pins.BASE_IMAGE.split(":")
    report.say(f"pulling {pins.BASE_IMAGE}")
    told = time.monotonic()
    path = f"/images/create?fromImage={quote(name)}&tag={quote(tag)}"
    for event in engine_api.follow(path, timeout=_PULL_SILENCE_SECONDS):
        if time.monotonic() - told > HEARTBEAT_SECONDS:
            told = time.monotonic()
            report.say(f"{event.get('status', '')} {event.get('progress', '')}".strip())


def _bootstrap(report: Report) -> None:
    available = frozenset(tool for tool in ("debootstrap", "mmdebstrap") if which(tool))
    can_install = machine.can_install_packages()
    tool = choose_tool(root=machine.is_root(), available=available, can_install=can_install)
    if can_install and (tool not in available or not KEYRING.exists()):
        machine.install_packages([tool, "debian-archive-keyring"], report)
    scratch = Path(tempfile.mkdtemp(prefix="base-image-", dir=_make_scratch_parent()))
    try:
        archive = scratch / "system.tar"
        keyring = [f"--keyring={KEYRING}"] if KEYRING.exists() else []
        doing = f"making {pins.BASE_IMAGE} with {tool}"
        mend = "the Debian archive must be within reach"
        command: Command
        if tool == "debootstrap":
            system = scratch / "system"
            command = [tool, "--variant=minbase", *keyring, pins.BASE_SUITE, system]
            run(command, report, doing, count=lambda _, line: line, mend=mend)
            run(["sh", FINISH, system], report, "slimming it")
            run(["tar", "--numeric-owner", "-C", system, "-cf", archive, "."], report, "packing it")
        else:
            # The text, not the file: a hook runs as another user, who may not read this one's home.
            hook = f"--customize-hook={FINISH.read_text()}"
            command = [tool, "--mode=unshare", "--variant=minbase", *keyring, hook, pins.BASE_SUITE, archive]
            run(command, report, doing, count=lambda _, line: line, mend=mend)
        forbid_services(archive)
        _import(archive, report)
    finally:
        remove_tree(scratch)


def forbid_services(archive: Path) -> None:
    """Adds the script by which Debian's packages learn not to start their services when installed.

    It comes last, since mmdebstrap takes away the one that is there while it works.
    """
    script = b"#!/bin/sh\nexit 101\n"
    entry = tarfile.TarInfo("./usr/sbin/policy-rc.d")
    entry.size, entry.mode = len(script), 0o755
    with tarfile.open(archive, "a") as content:
        content.addfile(entry, io.BytesIO(script))


def _make_scratch_parent() -> Path:
    parent = locate_cache() / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def _import(archive: Path, report: Report) -> None:
    name, tag = pins.BASE_IMAGE.split(":")
    report.say("importing it")
    changes = quote('CMD ["bash"]')
    path = f"/images/create?fromSrc=-&repo={quote(name)}&tag={quote(tag)}&changes={changes}"
    with archive.open("rb") as content:
        blocks: Iterator[bytes] = iter(lambda: content.read(_BLOCK), b"")
        try:
            for _ in engine_api.follow(path, body=blocks, timeout=300.0):
                pass
        except EngineError as error:
            raise ToolchainError(f"the engine refused {pins.BASE_IMAGE}: {error}") from error


STEP = Step("Base image", _find, _make, lock="base-image")
