"""`make lint`, its part for migrations: every revision of the store against every rule.

Exit code 1 if one breaks a rule without a waiver, or if a waiver waives nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from app import release
from ci.migrations.findings import Examination
from ci.migrations.rules import RULES
from ci.migrations.statements import UnreadableError, Waiver, parse, render

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "app" / "migrations"
# Up to here the revisions make the first release's schema. They meet no rows but a fresh store's own, so
# for how long they lock a table is not asked; what would break another version still is.
FOUNDATION = "0012_fulfilment"


@dataclass(frozen=True)
class Problem:
    file: Path
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        file = self.file.relative_to(CHECKOUT) if self.file.is_relative_to(CHECKOUT) else self.file
        return f"{file}:{self.line}: {self.rule}: {self.text}"


def list_revisions(folder: Path) -> list[Script]:
    """The revisions from the first to the newest."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return list(reversed(list(ScriptDirectory.from_config(config).walk_revisions())))


def examine(script: Script, founding: bool = False) -> tuple[list[Problem], int]:
    """The problems of one revision, and how many were waived; of a founding one only what would break."""
    file = Path(script.path)
    try:
        statements = list(parse(render(script), file.read_text(encoding="utf-8")))
    except UnreadableError as error:
        return [Problem(file, 1, "unreadable", str(error))], 0
    problems, waived = [], 0
    for statement, finding in Examination(release.LOCK_TIMEOUT).examine(statements):
        rule = RULES[finding.rule]
        if founding and not rule.breaks:
            continue
        waiver = next((waiver for waiver in statement.waivers if finding.rule in waiver.rules), None)
        if waiver is None or not waiver.reason:
            text = f"{finding.what}: {rule.harm}\n    instead: {rule.way}"
            problems.append(Problem(file, finding.line, finding.rule, text))
            continue
        waiver.used.add(finding.rule)
        waived += 1
    for statement in statements:
        problems.extend(
            Problem(file, statement.line, "waiver", problem)
            for waiver in statement.waivers
            for problem in check_waiver(waiver)
        )
    return problems, waived


def check_waiver(waiver: Waiver) -> Iterator[str]:
    for name in waiver.rules:
        if name not in RULES:
            yield f"{name!r} is no rule: `python -m ci.migrations --rules` lists them"
        elif not waiver.reason:
            yield f"{name!r} is waived without a reason: write it behind a colon"
        elif name not in waiver.used:
            yield f"{name!r} is waived, but not broken here: remove it"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ci.migrations", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="alembic's folder")
    parser.add_argument("--rules", action="store_true", help="list the rules, with the safe way of each")
    chosen = parser.parse_args()
    if chosen.rules:
        for rule in RULES.values():
            print(f"{rule.name}\n  harm     {rule.harm}\n  instead  {rule.way}")
        return 0
    revisions = list_revisions(chosen.folder)
    names = [script.revision for script in revisions]
    founding = names.index(FOUNDATION) if FOUNDATION in names else -1
    problems, waived = [], 0
    for number, script in enumerate(revisions):
        found, allowed = examine(script, founding=number <= founding)
        problems += found
        waived += allowed
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"migrations: {len(revisions)} revisions, {len(problems)} problems, {waived} waived")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
