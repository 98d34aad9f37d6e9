"""IAM policy documents, given as text or as objects, and what their statements say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import Resource, UnreadableValueError

WHOLE_BUCKET = re.compile(r"^(\*|arn:[^:]*:s3:::[^/]+/\*|arn:[^:]*:s3:::\*)$")
# What pins a caller down where a policy names everyone: an organization, an account, a resource, a network.
PINNING = re.compile(
    r"^(aws:(principal(orgid|orgpaths|arn|account)|source(arn|account|orgid|orgpaths|vpc|vpce|ip)|userid)"
    r"|sts:externalid|[a-z0-9.:/_-]+:(sub|aud|amr)|kms:(calleraccount|viaservice)|s3:dataaccesspointaccount)$"
)


def read(resource: Resource, path: str) -> Mapping[str, Any]:
    """The policy document at `path`; an empty one where there is none.

    Raises `UnreadableValueError` for text that is not JSON, and for what is no document.
    """
    document = resource.get(path) or {}
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError as error:
            raise UnreadableValueError(path, f"no JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise UnreadableValueError(path, "no policy document")
    return document


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


def is_pinned(statement: Mapping[str, Any]) -> bool:
    """Whether a condition says who may call, where the principal does not."""
    return any(
        PINNING.match(key) and "*" not in values and "not" not in operator.lower()
        for operator, key, values in conditions(statement)
    )


def allows_everyone(document: Mapping[str, Any]) -> bool:
    """Whether a resource policy lets anybody in whom no condition pins down."""
    for statement in statements(document, "Allow"):
        principal = statement.get("Principal")
        named = (
            [item for values in principal.values() for item in listed(values)]
            if isinstance(principal, Mapping)
            else [principal]
        )
        if ("*" in named or "NotPrincipal" in statement) and not is_pinned(statement):
            return True
    return False


def denies_plain_http(document: Mapping[str, Any]) -> bool:
    """Whether a resource policy refuses every request that does not come over TLS."""
    for statement in statements(document, "Deny"):
        principal = statement.get("Principal")
        everyone = principal == "*" or (
            isinstance(principal, Mapping) and "*" in listed(principal.get("AWS"))
        )
        everything = any(action in ("*", "s3:*") for action in listed(statement.get("Action")))
        # A further condition would narrow the denial, and so would a resource that is a part of the bucket.
        plain = [
            operator.lower().startswith("bool") and key == "aws:securetransport" and values == ["false"]
            for operator, key, values in conditions(statement)
        ] == [True]
        whole = any(WHOLE_BUCKET.match(str(item)) for item in listed(statement.get("Resource")))
        if everyone and everything and plain and whole:
            return True
    return False
