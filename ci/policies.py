"""`make policies`: every environment of this checkout held against every policy, under mocks.

Takes no engine, cloud or credentials. Each `Pulumi.<name>.yaml` is an environment, one's own among them. One
on AWS that has no store yet, since its image is pushed after the first `up`, is held a second time with one:
else nothing would be said about the store before it is deployed.
"""

import datetime
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ci.toolchain.cache import CHECKOUT
from ci.toolchain.environment import AWS, MAIN
from policies.catalogue import BY_ID, POLICIES
from policies.check import Summary, count, judge, print_table
from policies.project import ProjectError, find_project
from policies.recording import RecordingError, record
from policies.settings import SettingsError, parse
from policies.verdicts import Verdict

STORE: Final = {
    "store:compute": "containers",
    "store:image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/store@sha256:" + "0" * 64,
    # What a store needs to sell; nobody's.
    "store:payment_gateway": "stripe",
    "store:stripe_key": "sk_test_0",
    "store:stripe_webhook_key": "whsec_0",
    "store:smtp_url": "smtps://nobody@mail.example.com:465",
}
ROW: Final = "{:<34} {:>9} {:>9} {:>8} {:>6} {:>9}"


@dataclass(frozen=True)
class Environment:
    """One row of the table: a stack's name and settings, `added` being what its file does not say."""

    stack: str
    file: Path
    added: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        return f"{self.stack}, with a store" if self.added else self.stack


@dataclass(frozen=True)
class Outcome:
    """What was found in an environment, or why it could not be held against the policies."""

    environment: Environment
    summary: Summary | None = None
    verdicts: tuple[Verdict, ...] = ()
    problem: str = ""


def find_environments(checkout: Path, wanted: Sequence[str]) -> Iterator[Environment]:
    """The environments whose names are wanted, or all."""
    for file in sorted(checkout.glob("Pulumi.*.yaml")):
        stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        if wanted and stack not in wanted:
            continue
        yield Environment(stack, file)
        settings = read_settings(file)
        if settings.get("storestack:target") == "aws" and settings.get("store:compute") == "none":
            yield Environment(stack, file, tuple(STORE.items()))


def read_settings(file: Path) -> dict[str, Any]:
    """What a file of settings says; nothing where it can't be read, which the program's run will tell."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    settings = document.get("config") if isinstance(document, dict) else None
    return settings if isinstance(settings, dict) else {}


def find_python(settings: dict[str, Any]) -> Path:
    """The interpreter that has the SDK of the environment's target."""
    if settings.get("storestack:target") != "aws" or list(MAIN.folder.glob("lib/*/site-packages/pulumi_aws")):
        return MAIN.interpreter
    return AWS.interpreter


def examine(environment: Environment, today: datetime.date) -> Outcome:
    """Runs the environment's program under mocks, and judges what it made."""
    settings = read_settings(environment.file)
    try:
        project = find_project(environment.file.parent)
        project.read_config(environment.stack, environment.file)
        with tempfile.TemporaryDirectory() as folder:
            config = environment.file
            if environment.added:
                config = Path(folder, environment.file.name)
                config.write_text(yaml.safe_dump({"config": {**settings, **dict(environment.added)}}))
            recording = record(project, environment.stack, config, find_python(settings))
        verdicts = judge(recording, parse(environment.stack, recording.config, BY_ID), today)
    except (ProjectError, RecordingError, SettingsError) as error:
        return Outcome(environment, problem=str(error))
    return Outcome(environment, count(recording, verdicts), tuple(verdicts))


def report(outcomes: Sequence[Outcome], root: Path) -> int:
    """Prints the table and the findings; returns the exit code."""
    print(f"{len(POLICIES)} policies")
    print(ROW.format("environment", "resources", "mandatory", "advisory", "waived", "undecided"))
    for outcome in outcomes:
        row = outcome.summary
        cells = [row.resources, row.mandatory, row.advisory, row.waived, row.undecided] if row else ["-"] * 5
        print(ROW.format(outcome.environment.title, *cells))
    told: set[tuple[str, str]] = set()
    for outcome in outcomes:
        stack = outcome.environment.stack
        # With a store, an environment has all that it has without one; that is told once.
        news = [item for item in outcome.verdicts if (stack, item.message) not in told]
        told |= {(stack, item.message) for item in news}
        if news:
            print(f"\n── {outcome.environment.title} ──")
            print_table(news, root)
    sys.stdout.flush()
    for outcome in outcomes:
        if outcome.problem:
            print(f"policies: {outcome.environment.title}: {outcome.problem}", file=sys.stderr)
    if any(outcome.problem for outcome in outcomes):
        return 2
    return 1 if any(outcome.summary and outcome.summary.mandatory for outcome in outcomes) else 0


def main() -> int:
    wanted = sys.argv[1:]
    environments = list(find_environments(CHECKOUT, wanted))
    unknown = sorted(set(wanted) - {environment.stack for environment in environments})
    if unknown:
        print(f"policies: no Pulumi.{unknown[0]}.yaml here: name a stack that has one", file=sys.stderr)
        return 2
    today = datetime.datetime.now(tz=datetime.UTC).date()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda environment: examine(environment, today), environments))
    return report(outcomes, CHECKOUT)


if __name__ == "__main__":
    sys.exit(main())
