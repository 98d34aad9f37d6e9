"""What a policy is: a rule with level, severity, references and mend, and checks that find breaches."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, cast

from policies.graph import UNKNOWN, Graph, Resource, Secret

SECRET_PROPERTY = re.compile(r"(password|secret|token|privatekey)(wo)?$", re.IGNORECASE)
LONGEST_QUOTE = 120


class Level(StrEnum):
    """What a breach does: stop the update, stop it in production only, be told, or nothing."""

    MANDATORY = "mandatory"
    PRODUCTION = "production"
    ADVISORY = "advisory"
    DISABLED = "disabled"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Words(str):
    """An offending value told in words, and so not put in quotation marks."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: the property, its offending value, and the mend where the policy's own does not fit."""

    path: str
    value: Any = None
    mend: str = ""

    @property
    def offence(self) -> str:
        """The offending value in words: `publiclyAccessible is true`, `sslPolicy is not set`."""
        if self.value is None:
            return f"{self.path} is not set"
        return f"{self.path} is {quote(self.path, self.value)}"


@dataclass(frozen=True, slots=True)
class Missing(Finding):
    """A resource that should stand beside the one looked at, and does not."""

    @property
    def offence(self) -> str:
        return f"has no {self.path}"


Findings = Iterator[Finding]
ResourceCheck = Callable[[Resource], Findings]
GraphCheck = Callable[[Resource, Graph], Findings]
C = TypeVar("C", bound=Callable[..., Iterator["Finding"]])


@dataclass(frozen=True, slots=True)
class Check:
    """How a policy looks at resources of some types: by themselves, or together with the whole stack."""

    types: tuple[str, ...]
    run: ResourceCheck | GraphCheck
    needs_graph: bool

    def findings(self, resource: Resource, graph: Graph | None) -> Findings:
        if self.needs_graph:
            return cast("GraphCheck", self.run)(resource, cast("Graph", graph))
        return cast("ResourceCheck", self.run)(resource)


@dataclass(frozen=True)
class Policy:
    """A rule. `rule` is imperative and `mend` says how; `fsbp`, `pci`, `checkov`, `cis` are other catalogues'
    ids.

    FSBP: AWS Foundational Security Best Practices (Security Hub control ids, 2026); PCI: PCI DSS 4.0.1.
    """

    number: str
    id: str
    rule: str
    level: Level
    severity: Severity
    mend: str
    fsbp: tuple[str, ...] = ()
    pci: tuple[str, ...] = ()
    checkov: tuple[str, ...] = ()
    cis: tuple[str, ...] = ()
    link: str = ""
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.link and not self.fsbp:
            msg = f'policy "{self.id}" needs a link: it has no FSBP id to derive one from'
            raise ValueError(msg)

    def check(self, *types: str) -> Callable[[C], C]:
        """Adds a check over resources of `types`; one with a second parameter is given the whole graph."""

        def add(run: C) -> C:
            self.checks.append(Check(types, run, len(inspect.signature(run).parameters) > 1))
            return run

        return add

    @property
    def url(self) -> str:
        if self.link:
            return self.link
        service, _, control = self.fsbp[0].lower().partition(".")
        return f"https://docs.aws.amazon.com/securityhub/latest/userguide/{service}-controls.html#{service}-{control}"

    @property
    def references(self) -> tuple[str, ...]:
        return (
            *(f"FSBP {item}" for item in self.fsbp),
            *(f"PCI DSS {item}" for item in self.pci),
            *self.checkov,
            *(f"CIS Docker {item}" for item in self.cis),
        )


def quote(path: str, value: Any) -> str:
    """A value for a message, never one that is or may be secret."""
    last = re.split(r"[.\[]", path)[-1]
    if isinstance(value, Secret) or (type(value) is str and SECRET_PROPERTY.search(last)):
        return "a literal (hidden)"
    if value is UNKNOWN:
        return "not known yet"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(quote(path, item) for item in value) + "]"
    text = f'"{value}"' if isinstance(value, str) and not isinstance(value, Words) else str(value)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
