"""Writes docs/policies.md from the catalogue: `python -m policies.docs`; with `--check`, only says whether it
is in step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from policies.catalogue import BY_SUBJECT, POLICIES
from policies.rules import Level, Policy

PAGE = Path(__file__).resolve().parent.parent / "docs" / "policies.md"
HEAD = """# The policies

<!-- Written by `python -m policies.docs` from the code: change the code, then run it. -->

{count} policies hold every preview and update of this kit, and of any other Pulumi program that is put
under them ([how](guides/policies.md)). The numbers 1 to 62 are AWS, those with an L the local target.

| level | a breach |
|--|--|
| mandatory | stops the preview or update |
| production | stops it in production; elsewhere it is advice |
| advisory | is advice |

FSBP: AWS Foundational Security Best Practices (Security Hub), with the ids of 2026. PCI: PCI DSS 4.0.1.
"""


def page() -> str:
    sections = [HEAD.format(count=len(POLICIES))]
    for subject, policies in BY_SUBJECT.items():
        rows = "\n".join(row(policy) for policy in policies)
        sections.append(
            f"## {subject}\n\n| # | policy | level | severity | FSBP | PCI | other |\n{'|--' * 7}|\n{rows}\n"
        )
    sections.append("## How each is mended\n")
    sections += [remedy(policy) for policy in POLICIES]
    return "\n".join(sections)


def row(policy: Policy) -> str:
    others = [*policy.checkov, *(f"CIS Docker {item}" for item in policy.cis)]
    level = f"**{policy.level}**" if policy.level is Level.MANDATORY else str(policy.level)
    cells = (
        policy.number,
        f"[{policy.id}](#{policy.id})<br>{policy.rule}",
        level,
        str(policy.severity),
        ", ".join(policy.fsbp),
        ", ".join(policy.pci),
        ", ".join(others),
    )
    return f"| {' | '.join(cells)} |"


def remedy(policy: Policy) -> str:
    """The remediation and link of one policy, with the resource types that it looks at."""
    types = ", ".join(sorted({f"`{type_}`" for check in policy.checks for type_ in check.types}))
    mend = f"{policy.rule}. {policy.mend}. [Background]({policy.url})."
    return f"### {policy.id}\n\n{mend}\n\nLooks at {types}.\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m policies.docs", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if the page is out of step"
    )
    if parser.parse_args().check:
        if PAGE.exists() and PAGE.read_text() == page():
            return 0
        print(f"{PAGE.name} is out of step with the code: run python -m policies.docs", file=sys.stderr)
        return 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
