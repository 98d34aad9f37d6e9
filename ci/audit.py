"""`make audit`: the packages of every lock file against OSV's database of known vulnerabilities.

Exit code 1 for a known one. Where the database cannot be reached it says `not audited` and why, which is no
failure of the code: exit code 0, or 2 with --require.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ci.toolchain.cache import CHECKOUT

DATABASE: Final = "https://api.osv.dev/v1/query"
# Of one answer, and of all: some hundred packages are asked for one after the other.
ANSWER_SECONDS: Final = 15
ALL_SECONDS: Final = 900


class NotAuditedError(Exception):
    """The database did not answer; the message says why."""


@dataclass(frozen=True, order=True)
class Vulnerability:
    package: str
    version: str
    name: str
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        mend = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fixed version is known"
        return f"{self.package} {self.version}: {self.name}; {mend}"


def list_locks(checkout: Path) -> list[Path]:
    return sorted([*checkout.glob("requirements/*.lock"), *checkout.glob("ci/toolchain/sources/*.lock")])


def audit(locks: Sequence[Path], database: str) -> tuple[int, list[Vulnerability]]:
    """How many packages were looked up, and what is known of them. Raises NotAuditedError."""
    program = Path(sys.executable).with_name("pip-audit")
    command: list[str | Path] = [
        program,
        "--vulnerability-service",
        "osv",
        "--osv-url",
        database,
        "--disable-pip",
        "--format",
        "json",
    ]
    command += ["--progress-spinner", "off", "--timeout", str(ANSWER_SECONDS)]
    for lock in locks:
        command += ["--require-hashes", "--requirement", lock]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=ALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotAuditedError(f"{database} took more than {ALL_SECONDS} s") from None
    # It ends with 1 for what it found as well as for what went wrong; only the first has an answer.
    if not found.stdout.strip():
        reason = (found.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotAuditedError(f"{database} did not answer: {reason}")
    return read_answer(json.loads(found.stdout))


def read_answer(answer: dict[str, Any]) -> tuple[int, list[Vulnerability]]:
    packages = answer["dependencies"]
    found = {
        Vulnerability(package["name"], package["version"], entry["id"], tuple(entry["fix_versions"]))
        for package in packages
        for entry in package.get("vulns", [])
    }
    return len(packages), sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ci.audit", description=__doc__)
    parser.add_argument("--require", action="store_true", help="fail where the database cannot be reached")
    parser.add_argument("--database", default=DATABASE, help="an OSV server")
    chosen = parser.parse_args()
    locks = list_locks(CHECKOUT)
    try:
        looked_up, found = audit(locks, chosen.database)
    except NotAuditedError as reason:
        print(f"not audited: {reason}", file=sys.stderr)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            print("::warning title=Not audited::the database of vulnerabilities did not answer")
        return 2 if chosen.require else 0
    for vulnerability in found:
        print(vulnerability, file=sys.stderr)
    print(f"audit: {looked_up} packages of {len(locks)} locks, {len(found)} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
