"""Makes sure there is a `stripe-mock`, Stripe's own stand-in for its API, for the Stripe adapter's tests."""

import shutil
from pathlib import Path

from ci.toolchain import pins
from ci.toolchain.cache import build_aside, locate_cache, remove_tree
from ci.toolchain.golang import copy_sources, find_go
from ci.toolchain.progress import Report
from ci.toolchain.step import Step

PROGRAM = "stripe-mock"
PACKAGE = "github.com/stripe/stripe-mock"


def locate_built() -> Path:
    return locate_cache() / PROGRAM / pins.STRIPE_MOCK / PROGRAM


def locate() -> str | None:
    """The program's path: one on PATH, else the built one; None where there is neither."""
    built = locate_built()
    return shutil.which(PROGRAM) or (str(built) if built.exists() else None)


def _make(report: Report) -> None:
    go = find_go(report)
    with build_aside(locate_built().parent) as partial:
        source = partial / "source"
        copy_sources("stripe_mock", source)
        go.build(PACKAGE, partial / PROGRAM, source, report, flags=("-ldflags=-s -w",))
        remove_tree(source)


STEP = Step("stripe-mock", locate, _make, lock="stripe-mock")
