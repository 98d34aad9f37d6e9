"""Checks a stack against the policies without any cloud: `python -m policies.check --program DIR --stack
NAME`.

The program runs under mocks in its own interpreter; a recording made before is checked with `--recording
FILE`. Prints a table, and exits with 1 when something mandatory is breached, with 2 when the stack can't be
checked.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from policies.catalogue import BY_ID, POLICIES
from policies.project import ProjectError, find_project
from policies.recording import Recording, RecordingError, load, record
from policies.rules import Level
from policies.settings import Settings, SettingsError, parse
from policies.source import place
from policies.verdicts import Judge, Undecided, Verdict, Violation

RANK = {Level.MANDATORY: 0, Level.ADVISORY: 1}


def judge(recording: Recording, settings: Settings, today: datetime.date) -> list[Verdict]:
    return list(Judge(POLICIES, settings, today).judge(recording.graph))


def print_table(verdicts: Iterable[Verdict], root: Path) -> None:
    """For each breached policy, its rule, then resource, offending value and place of every breach, and the
    mends.
    """
    groups: dict[tuple[int, str, str], list[Violation]] = {}
    undecided = []
    for verdict in verdicts:
        if isinstance(verdict, Undecided):
            undecided.append(verdict)
            continue
        waiver = verdict.waiver
        level = f"waived until {waiver.expires} ({waiver.reason})" if waiver else str(verdict.level)
        rank = len(RANK) if waiver else RANK[verdict.level]
        groups.setdefault((rank, verdict.policy.id, level), []).append(verdict)
    for (_, _, level), violations in sorted(groups.items()):
        print_group(level, violations, root)
    for item in undecided:
        print(f"\nundecided: {item.policy.number} {item.policy.id}\n  {item.message}")


def print_group(level: str, violations: list[Violation], root: Path) -> None:
    policy = violations[0].policy
    print(f"\n{level}: {policy.number} {policy.id} ({policy.severity}): {policy.rule}")
    rows = sorted(
        (item.resource.label if item.resource else "the stack", item.offence, made_at(item, root))
        for item in violations
    )
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for resource, offence, source in rows:
        print(f"  {resource:<{widths[0]}}  {offence:<{widths[1]}}  {source}".rstrip())
    for mend in dict.fromkeys(item.mend for item in violations):
        print(textwrap.fill(mend, 110, initial_indent="  mend: ", subsequent_indent="        "))


def made_at(violation: Violation, root: Path) -> str:
    return place(violation.resource, root) if violation.resource else ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A judged stack in numbers; a waived breach counts as waived alone."""

    resources: int
    mandatory: int
    advisory: int
    waived: int
    undecided: int


def count(recording: Recording, verdicts: Iterable[Verdict]) -> Summary:
    verdicts = list(verdicts)
    violations = [item for item in verdicts if isinstance(item, Violation)]
    levels = Counter(item.level for item in violations if not item.waiver)
    return Summary(
        resources=sum(not item.type.startswith("pulumi:providers:") for item in recording.graph.resources),
        mandatory=levels[Level.MANDATORY],
        advisory=levels[Level.ADVISORY],
        waived=sum(1 for item in violations if item.waiver),
        undecided=len(verdicts) - len(violations),
    )


def summarise(recording: Recording, verdicts: Iterable[Verdict], settings: Settings) -> str:
    numbers, graph = count(recording, verdicts), recording.graph
    kind = "production" if settings.production else "not production"
    return (
        f"{graph.project}/{graph.stack} ({kind}): {numbers.resources} resources, {len(POLICIES)} policies: "
        f"{numbers.mandatory} mandatory, {numbers.advisory} advisory, {numbers.waived} waived, "
        f"{numbers.undecided} undecided"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m policies.check", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--program", type=Path, help="the folder of Pulumi.yaml, or of a bare __main__.py")
    target.add_argument("--recording", type=Path, help="what policies.recorder wrote")
    parser.add_argument("--stack", help="the stack whose settings the program is given (with --program)")
    parser.add_argument("--config", type=Path, help="its settings; Pulumi.<stack>.yaml unless told")
    parser.add_argument("--python", type=Path, help="the Python to run the program by, unless its own")
    arguments = parser.parse_args()
    if arguments.program and not arguments.stack:
        parser.error("--program needs --stack: which environment?")
    root = Path.cwd()
    try:
        if arguments.program:
            project = find_project(arguments.program)
            root = project.root
            project.read_config(arguments.stack, arguments.config)
            recording = record(project, arguments.stack, arguments.config, arguments.python)
        else:
            recording = load(arguments.recording)
        settings = parse(recording.graph.stack, recording.config, BY_ID)
    except (ProjectError, RecordingError, SettingsError) as error:
        print(f"policies: {error}", file=sys.stderr)
        return 2
    verdicts = judge(recording, settings, datetime.datetime.now(tz=datetime.UTC).date())
    print_table(verdicts, root)
    print("\n" + summarise(recording, verdicts, settings))
    return 1 if any(isinstance(item, Violation) and item.level is Level.MANDATORY for item in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
