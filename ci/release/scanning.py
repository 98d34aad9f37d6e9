"""`make scan`: known vulnerabilities of a built version, asked of OSV by its SBOM.

Where the database cannot be asked, nothing is known: the answer is "not scanned", never "clean". A
vulnerability that has a fixed version fails the scan; those that nobody has fixed yet are only counted, since
there is nothing to do about them.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ci.release.sbom import Contents, Package

# The database's address; a mirror inside a company takes its place.
ADDRESS: Final = "STORESTACK_OSV_URL"
DEFAULT: Final = "https://api.osv.dev"
SECONDS: Final = 20
# What OSV takes in one question.
BATCH: Final = 1000


class UnreachableError(Exception):
    """The database gave no answer; the message says why."""


@dataclass(frozen=True)
class Finding:
    """One vulnerability of one package; `fixed` is the first version without it, or nothing."""

    package: str
    version: str
    vulnerability: str
    fixed: str


def query(package: Package, distribution: str) -> dict[str, Any]:
    """The question for one package; Debian's advisories speak of source packages."""
    if package.ecosystem == "pypi":
        return {"package": {"ecosystem": "PyPI", "name": package.name}, "version": package.version}
    ecosystem = f"Debian:{distribution}"
    return {"package": {"ecosystem": ecosystem, "name": package.source}, "version": package.source_version}


def ask(path: str, body: object | None = None) -> dict[str, Any]:
    """An answer of the database. Raises UnreachableError."""
    address = os.environ.get(ADDRESS, DEFAULT).rstrip("/") + path
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found: dict[str, Any] = json.loads(answer.read())
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise UnreachableError(f"{address} gave no answer: {error}") from None
    return found


def scan(contents: Contents) -> list[Finding]:
    """Every known vulnerability of an image's packages. Raises UnreachableError."""
    # Many Debian packages come from one source; one question does for all.
    queries = {json.dumps(query(p, contents.distribution), sort_keys=True): p for p in contents.packages}
    questions = list(queries)
    findings: list[Finding] = []
    for first in range(0, len(questions), BATCH):
        batch = questions[first : first + BATCH]
        answer = ask("/v1/querybatch", {"queries": [json.loads(question) for question in batch]})
        results = answer.get("results") or []
        if len(results) != len(batch):
            raise UnreachableError(f"{len(batch)} questions were put, {len(results)} answered")
        for text, result in zip(batch, results, strict=True):
            question = json.loads(text)
            findings.extend(look_up(question, identities(question, result)))
    return sorted(findings, key=lambda finding: (finding.package, finding.vulnerability))


def identities(question: dict[str, Any], result: dict[str, Any]) -> Iterator[str]:
    """The vulnerabilities of one package; the database tells of many page by page."""
    yield from (vulnerability["id"] for vulnerability in result.get("vulns") or [])
    if token := result.get("next_page_token"):
        yield from identities(question, ask("/v1/query", {**question, "page_token": token}))


def look_up(question: dict[str, Any], ids: Iterable[str]) -> Iterator[Finding]:
    name = question["package"]["name"]
    for identity in ids:
        yield Finding(name, question["version"], identity, fixed_in(ask(f"/v1/vulns/{identity}"), question))


def fixed_in(vulnerability: dict[str, Any], question: dict[str, Any]) -> str:
    """The first version that an advisory says is without it, of this package in this ecosystem."""
    for affected in vulnerability.get("affected") or []:
        if affected.get("package", {}).get("name") != question["package"]["name"]:
            continue
        if affected["package"].get("ecosystem") != question["package"]["ecosystem"]:
            continue
        for part in affected.get("ranges") or []:
            for event in part.get("events") or []:
                if event.get("fixed"):
                    return str(event["fixed"])
    return ""


def report(version: str, findings: Sequence[Finding] | None, reason: str = "") -> dict[str, Any]:
    """What goes to the file: a machine must not take "not scanned" for "clean" either."""
    return {
        "version": version,
        "scanned": findings is not None,
        "reason": reason,
        "findings": [asdict(finding) for finding in findings or []],
    }


def words(version: str, findings: Sequence[Finding] | None, reason: str = "") -> list[str]:
    if findings is None:
        return [f"{version}: not scanned: {reason}"]
    mend = [finding for finding in findings if finding.fixed]
    lines = [f"{f.vulnerability}: {f.package} {f.version}, fixed in {f.fixed}" for f in mend]
    rest = len(findings) - len(mend)
    return [*lines, f"{version}: {len(mend)} vulnerabilities that an update mends, {rest} that none does yet"]
