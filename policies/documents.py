"""IAM policy documents, given as text or as objects, and what their statements say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import Resource


def read(resource: Resource, path: str) -> Mapping[str, Any]:
    """The policy document at `path`; an empty one where there is none, or text that is not JSON."""
    document = resource.get(path, {})
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError:
            return {}
    return document if isinstance(document, Mapping) else {}


def statements(document: Mapping[str, Any], effect: str) -> Iterator[Mapping[str, Any]]:
    for statement in listed(document.get("Statement")):
        if isinstance(statement, Mapping) and statement.get("Effect") == effect:
            yield statement


def listed(value: Any) -> list[Any]:
    """What IAM lets one write as one item or as several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Each condition as its operator, its key in lower case, and its values as text."""
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, values in tests.items():
            yield (
                operator,
                key.lower(),
                [str(value).lower() if isinstance(value, bool) else str(value) for value in listed(values)],
            )


def denies_plain_http(document: Mapping[str, Any]) -> bool:
    """Whether a resource policy refuses every request that does not come over TLS."""
    for statement in statements(document, "Deny"):
        principal = statement.get("Principal")
        everyone = principal == "*" or (
            isinstance(principal, Mapping) and "*" in listed(principal.get("AWS"))
        )
        everything = any(action in ("*", "s3:*") for action in listed(statement.get("Action")))
        plain = any(
            operator.lower().startswith("bool") and key == "aws:securetransport" and values == ["false"]
            for operator, key, values in conditions(statement)
        )
        if everyone and everything and plain:
            return True
    return False
