"""Checks a stack against the policies without any cloud: `python -m policies.check --program DIR --stack NAME`.

The program runs under mocks in its own interpreter; a recording made before is checked with `--recording FILE`.
Prints a table, and exits with 1 when something mandatory is breached, with 2 when the stack can't be checked.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
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


def order(violation: Violation) -> tuple[int, bool, str, str]:
    name = violation.resource.name if violation.resource else ""
    return RANK[violation.level], violation.waiver is not None, violation.policy.id, name


def print_table(verdicts: Iterable[Verdict], root: Path) -> None:
    """One block for each breach: what, on which resource, the offending value, the mend, and where it is made."""
    verdicts = list(verdicts)
    for violation in sorted((item for item in verdicts if isinstance(item, Violation)), key=order):
        policy = violation.policy
        level = f"waived until {violation.waiver.expires}" if violation.waiver else str(violation.level)
        print(f"\n{level:<10} {policy.number:>3} {policy.id} ({policy.severity}): {policy.rule}")
        rows = [
            ("resource", violation.resource.label if violation.resource else "the stack"),
            ("found", violation.offence),
        ]
        rows += [("reason", violation.waiver.reason)] if violation.waiver else [("mend", violation.mend)]
        rows += [("made at", place(violation.resource, root))] if violation.resource else []
        for title, text in rows:
            print(
                textwrap.fill(text or "-", 110, initial_indent=f"    {title:<9} ", subsequent_indent=" " * 14)
            )
    for undecided in verdicts:
        if isinstance(undecided, Undecided):
            print(f"\nundecided  {undecided.policy.number:>3} {undecided.policy.id}: {undecided.message}")


def summarise(recording: Recording, verdicts: Iterable[Verdict], settings: Settings) -> str:
    verdicts = list(verdicts)
    violations = [item for item in verdicts if isinstance(item, Violation)]
    waived = sum(1 for item in violations if item.waiver)
    counts = Counter(item.level for item in violations if not item.waiver)
    graph = recording.graph
    kind = "production" if settings.production else "not production"
    return (
        f"{graph.project}/{graph.stack} ({kind}): {len(graph.resources)} resources, {len(POLICIES)} policies: "
        f"{counts[Level.MANDATORY]} mandatory, {counts[Level.ADVISORY]} advisory, {waived} waived, "
        f"{len(verdicts) - len(violations)} undecided"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m policies.check", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--program", type=Path, help="the folder of Pulumi.yaml, or of a bare __main__.py")
    target.add_argument("--recording", type=Path, help="what policies.recorder wrote")
    parser.add_argument("--stack", help="the stack whose settings the program is given (with --program)")
    parser.add_argument("--config", type=Path, help="its settings; Pulumi.<stack>.yaml unless told")
    arguments = parser.parse_args()
    if arguments.program and not arguments.stack:
        parser.error("--program needs --stack: which environment?")
    root = Path.cwd()
    try:
        if arguments.program:
            project = find_project(arguments.program)
            root = project.root
            project.read_config(arguments.stack, arguments.config)
            recording = record(project, arguments.stack, arguments.config)
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
