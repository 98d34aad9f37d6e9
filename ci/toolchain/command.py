"""The command line of the toolchain."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from ci.toolchain import (
    base_image,
    browser,
    docker_provider,
    doctor,
    engine,
    environment,
    go_programs,
    language_host,
    machine,
    pulumi_cli,
    uv,
    variables,
)
from ci.toolchain.engine_api import EngineError
from ci.toolchain.progress import Report, ToolchainError
from ci.toolchain.step import Step

# What fails at once comes before what takes minutes.
STEPS = (
    engine.STEP,
    uv.STEP,
    environment.STEP,
    pulumi_cli.STEP,
    language_host.STEP,
    docker_provider.STEP,
    base_image.STEP,
    environment.POLICIES_STEP,
)
TEST_STEPS = (
    *STEPS,
    browser.STEP,
    environment.AWS_STEP,
    go_programs.STRIPE_MOCK.step(),
    go_programs.ACTIONLINT.step(),
)
# Judging recorded programs takes no engine: two environments, and what makes them.
POLICIES_STEPS = (uv.STEP, environment.STEP, environment.AWS_STEP)


def install(steps: Sequence[Step]) -> int:
    """Makes every part of `steps` that is missing."""
    whole = Report("Toolchain")
    for step in steps:
        step.run()
    whole.finish("ready")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Runs one verb; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m ci.toolchain", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    installation = verbs.add_parser("install", help="make every part that is missing")
    scope = installation.add_mutually_exclusive_group()
    scopes = {
        "--for-tests": (TEST_STEPS, "and what only the tests need"),
        "--for-policies": (POLICIES_STEPS, "only what `make policies` needs"),
    }
    for name, (steps, says) in scopes.items():
        scope.add_argument(name, dest="steps", action="store_const", const=steps, help=says)
    installation.set_defaults(steps=STEPS)
    examine = verbs.add_parser("doctor", help="say what is there, what is missing, and how to mend it")
    examine.add_argument("--stack", default="local", help="whose ports and subnet to look at")
    verbs.add_parser("env", help="print the shell lines under which plain `pulumi` works")
    chosen = parser.parse_args(arguments)
    # A terminated run ends its children and removes what it had half made, as an interrupted one does.
    signal.signal(signal.SIGTERM, _interrupt)
    machine.trust_own_authorities()
    try:
        if chosen.verb == "install":
            return install(chosen.steps)
        if chosen.verb == "doctor":
            return doctor.run(chosen.stack)
        exports = variables.render_exports(
            variables.build_variables(os.environ), variables.list_programs_directories()
        )
        sys.stdout.write(exports)
        return 0
    except (ToolchainError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {describe_os_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; the next run continues from here", file=sys.stderr)
        return 130


def describe_os_error(error: OSError) -> str:
    """Returns what the system refused as one line, with its mend where that is known."""
    mends = {
        errno.ENOSPC: "free some space there (`df -h`); the next run continues from here",
        errno.EACCES: "give this user the right to it, or set XDG_CACHE_HOME and PULUMI_HOME elsewhere",
        errno.EROFS: "set XDG_CACHE_HOME and PULUMI_HOME to a place that can be written",
    }
    mend = mends.get(error.errno or 0)
    return f"{error}: {mend}" if mend else str(error)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
