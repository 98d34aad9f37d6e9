"""Programs that only tests and benches need, each built from one Go module unless it is on PATH."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci.toolchain import pins
from ci.toolchain.cache import build_aside, locate_cache, remove_tree
from ci.toolchain.golang import copy_sources, find_go
from ci.toolchain.progress import Report
from ci.toolchain.step import Step


@dataclass(frozen=True)
class GoProgram:
    """A program, the package it is built from, and its module's go.mod and go.sum in `sources/<sources>`."""

    name: str
    package: str
    version: str
    sources: str

    def locate(self) -> str | None:
        """The program's path: one on PATH, else the built one; None where there is neither."""
        built = self._locate_built()
        return shutil.which(self.name) or (str(built) if built.exists() else None)

    def step(self) -> Step:
        return Step(self.name, self.locate, self._make, lock=self.name)

    def _locate_built(self) -> Path:
        return locate_cache() / self.name / self.version / self.name

    def _make(self, report: Report) -> None:
        go = find_go(report)
        with build_aside(self._locate_built().parent) as partial:
            source = partial / "source"
            copy_sources(self.sources, source)
            go.build(self.package, partial / self.name, source, report, flags=("-ldflags=-s -w",))
            remove_tree(source)


# Stripe's own stand-in for its API, for the tests of the Stripe adapter.
STRIPE_MOCK: Final = GoProgram(
    "stripe-mock", "github.com/stripe/stripe-mock", pins.STRIPE_MOCK, sources="stripe_mock"
)
# Reads GitHub's workflows as GitHub would, for the tests of the pipelines.
ACTIONLINT: Final = GoProgram(
    "actionlint", "github.com/rhysd/actionlint/cmd/actionlint", pins.ACTIONLINT, sources="actionlint"
)
# Another load generator, built only for the bench that compares ours with it.
K6: Final = GoProgram("k6", "go.k6.io/k6", pins.K6, sources="k6")
