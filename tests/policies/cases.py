"""What the stories of all policies are made of: resources in one line, and an expected outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import pytest

from policies.catalogue import BY_ID
from policies.graph import Graph, Resource
from policies.settings import Settings
from policies.verdicts import Judge, Verdict, Violation

TODAY = date(2026, 11, 22)
OPTIONS = ("protect", "ignore_changes", "provider", "outputs")
DIGEST = "shop@sha256:" + "a" * 64


class Kind(StrEnum):
    """The three cases that every policy has: kept, breached, and with its property left out."""

    KEPT = "kept"
    BREACHED = "breached"
    MISSING = "missing"


@dataclass(frozen=True)
class Case:
    """A story of one policy: the resources, and what the message must say; None where nothing is found."""

    policy: str
    kind: Kind
    story: str
    resources: Sequence[Resource]
    says: str | None = None

    def __str__(self) -> str:
        return f"{self.policy}: {self.story}"


def made(
    type_: str, label: str = "it", /, refers: Mapping[str, Resource] | None = None, **properties: Any
) -> Resource:
    """A resource; `refers` names what its properties point to, as a first preview records it."""
    options = {key: properties.pop(key) for key in OPTIONS if key in properties}
    return Resource(
        urn=f"urn:pulumi:test::shop::{type_}::{label}",
        type=type_,
        name=label,
        properties=properties,
        id=f"{label}-id",
        property_dependencies={key: (target.urn,) for key, target in (refers or {}).items()},
        **options,
    )


def kept(policy: str, story: str, *resources: Resource) -> Case:
    return Case(policy, Kind.KEPT, story, resources)


def breached(policy: str, story: str, says: str, *resources: Resource) -> Case:
    return Case(policy, Kind.BREACHED, story, resources, says)


def missing(policy: str, story: str, says: str | None, *resources: Resource) -> Case:
    return Case(policy, Kind.MISSING, story, resources, says)


def judge(policy: str, resources: Sequence[Resource], settings: Settings | None = None) -> list[Verdict]:
    return list(Judge([BY_ID[policy]], settings or Settings(), TODAY).judge(Graph(resources)))


def run(case: Case) -> None:
    """Judges a case by its own policy alone."""
    verdicts = judge(case.policy, case.resources)
    messages = [verdict.message for verdict in verdicts]
    assert all(isinstance(verdict, Violation) for verdict in verdicts), messages
    if case.says is None:
        assert messages == []
    else:
        assert any(case.says in message for message in messages), messages


def stories(cases: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=str)
