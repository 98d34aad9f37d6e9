"""Judging a stack: every check over every resource it is for, with levels and waivers applied."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.graph import Graph, Resource, UnknownValueError, UnreadableValueError
from policies.rules import Check, Finding, Level, Policy, Severity, Words
from policies.settings import Settings, Waiver

WAIVERS = Policy(
    number="0",
    id="waiver-expired",
    rule="Renew or end waivers whose day has passed",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    mend="Mend what it waives and remove it from policies:waivers, or give it a new day and reason",
    link="https://www.pulumi.com/docs/insights/policy/policy-packs/",
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach as it is reported: by which policy, at which level, on what, why and with which mend."""

    policy: Policy
    level: Level
    resource: Resource | None
    offence: str
    mend: str
    waiver: Waiver | None = None

    @property
    def message(self) -> str:
        subject = self.resource.label if self.resource else "stack"
        text = f"{subject}: {self.offence}. {self.mend}."
        if self.waiver:
            text += f" Waived until {self.waiver.expires}: {self.waiver.reason}"
        return text


@dataclass(frozen=True, slots=True)
class Undecided:
    """A policy that could not be judged, since it reads a value that only the update will tell."""

    policy: Policy
    resource: Resource
    path: str

    @property
    def message(self) -> str:
        reason = f"since {self.path} is not known before the update"
        return f"{self.resource.label}: can't be judged in a preview, {reason}."


Verdict = Violation | Undecided


class Judge:
    """Applies policies under a stack's settings; `today` decides which waivers have expired."""

    def __init__(self, policies: Iterable[Policy], settings: Settings, today: datetime.date) -> None:
        self.settings = settings
        self.today = today
        self._checks: dict[str, list[tuple[Policy, Check]]] = {}
        for policy in policies:
            for check in policy.checks if settings.level(policy) is not Level.DISABLED else ():
                for type_ in check.types:
                    self._checks.setdefault(type_, []).append((policy, check))

    def judge_resource(self, resource: Resource) -> Iterator[Verdict]:
        """What can be said of a resource by itself."""
        yield from self._judge(resource, None)

    def judge_stack(self, graph: Graph) -> Iterator[Verdict]:
        """What can only be said of the stack as a whole, waivers that have expired among it."""
        for resource in graph.resources:
            yield from self._judge(resource, graph)
        for waiver in self.settings.waivers:
            if waiver.expires < self.today:
                offence = f'the waiver of {waiver.policy} for "{waiver.resource}" expired on {waiver.expires}'
                yield Violation(WAIVERS, Level.MANDATORY, None, offence, WAIVERS.mend)

    def judge(self, graph: Graph) -> Iterator[Verdict]:
        """Everything, over a recorded stack."""
        for resource in graph.resources:
            yield from self.judge_resource(resource)
        yield from self.judge_stack(graph)

    def _judge(self, resource: Resource, graph: Graph | None) -> Iterator[Verdict]:
        for policy, check in self._checks.get(resource.type, ()):
            if check.needs_graph is (graph is None):
                continue
            try:
                for finding in check.findings(resource, graph):
                    yield self._violation(policy, resource, finding)
            except UnknownValueError as unknown:
                yield Undecided(policy, resource, unknown.path)
            except UnreadableValueError as unreadable:
                mend = "Write it with json.dumps, or pulumi.Output.json_dumps where it holds outputs"
                yield self._violation(policy, resource, Finding(unreadable.path, Words(unreadable.why), mend))
            except Exception as error:
                msg = f"policy {policy.id} can't judge {resource.label} ({resource.urn}): {error!r}"
                raise RuntimeError(msg) from error

    def _violation(self, policy: Policy, resource: Resource, finding: Finding) -> Violation:
        level = self.settings.level(policy)
        for waiver in self.settings.waivers:
            if waiver.expires >= self.today and waiver.covers(policy, resource):
                return Violation(
                    policy, Level.ADVISORY, resource, finding.offence, finding.mend or policy.mend, waiver
                )
        return Violation(policy, level, resource, finding.offence, finding.mend or policy.mend)
