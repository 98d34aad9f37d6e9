"""What the dynamic providers of this project share: how they are stored in state, and how they fail."""

import sys
from collections.abc import Mapping
from typing import Any, Final

# The engine runs providers in threads of one process. One that imports a part of this package while another
# imports the whole finds it half made, so the whole comes first, before any of them.
import docker  # noqa: F401
from pulumi.dynamic import DiffResult, ResourceProvider

PROVIDER_KEY: Final = "__provider"


class Failure(Exception):  # noqa: N818 - its name is what a person reads in front of the message
    """A step that did not work out, said in one line that a person can act on.

    Pulumi shows an exception with its traceback; for this one the line alone says everything.
    """

    __module__ = "builtins"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        sys.tracebacklimit = 0


class Provider(ResourceProvider):
    """A provider whose class stands in an importable module, so that state holds its name, not its code."""

    # There is nothing secret in a class name, and as a secret it would hide in every preview.
    serialize_as_secret_always = False


def changed(olds: Mapping[str, Any], news: Mapping[str, Any], *names: str) -> DiffResult:
    """An update in place when one of the named properties differs; unknown values differ from all."""
    return DiffResult(changes=any(olds.get(name) != news.get(name) for name in names))


def given(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties without Pulumi's own entry."""
    return {name: value for name, value in props.items() if name != PROVIDER_KEY}


def say(step: str, text: str) -> None:
    """One line of progress. The engine shows what a dynamic provider prints."""
    print(f"{step}: {text}", flush=True)
