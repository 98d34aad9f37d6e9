"""A release for a run to live through: a new version of the store that differs in nothing, by `make up`."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import time

from docker.errors import ImageNotFound

from loadtests.stack import ROOT, Stack, pulumi


def build_image(stack: Stack, tag: str, dockerfile: str, files: Mapping[str, str] | None = None) -> str:
    """A small image of the stack's own, from a Dockerfile and what it copies; returns its tag."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in {"Dockerfile": dockerfile, **(files or {})}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    archive.seek(0)
    name = f"storestack-{stack.name}-trial:{tag}"
    stack.engine.images.build(fileobj=archive, custom_context=True, tag=name, rm=True)
    return name


class Trial:
    """One release and the way back."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._file = ROOT / f"Pulumi.{stack.name}.yaml"
        self._before = ""
        self._image = ""

    def prepare(self) -> None:
        """Build the image before the first visit: a build is no part of a release."""
        self._before = self._file.read_text()
        current = self._stack.containers("web")[0].attrs["Image"]
        tag = f"load-{int(time())}"
        self._image = build_image(self._stack, tag, f"FROM {current}\nENV RELEASE={tag}\n")

    @contextmanager
    def released(self) -> Iterator[None]:
        """Release the image; afterwards the stack is what it was. Raises RuntimeError if `make up` fails."""
        try:
            pulumi(self._stack.name, "config", "set", "store:image", self._image)
            self._up()
            yield
        finally:
            self._file.write_text(self._before)
            print("\nback to the version of before", flush=True)
            self._up()

    def remove(self) -> None:
        """Remove the image, which nothing runs any more."""
        try:
            self._stack.engine.images.remove(self._image, force=True)
        except ImageNotFound:
            return

    def _up(self) -> None:
        # Not in this process's group: Ctrl-C ends the run, and must not tear a release apart.
        command = [sys.executable, "-m", "ci.up", self._stack.name]
        outcome = subprocess.run(
            command, cwd=ROOT, text=True, capture_output=True, check=False, start_new_session=True
        )
        if outcome.returncode != 0:
            said = (outcome.stdout + outcome.stderr)[-800:]
            raise RuntimeError(f"`make up` ended with {outcome.returncode}: {said}")
