"""Property names, held against the AWS SDK itself: a story told with a misspelt property proves nothing."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policies.catalogue import POLICIES
from policies.graph import UNKNOWN, Resource
from policies.monitoring import TAGGED
from tests.policies import (
    test_balancer,
    test_containers,
    test_database,
    test_edge,
    test_evasions,
    test_firewall,
    test_identity,
    test_local,
    test_monitoring,
    test_network,
    test_services,
    test_storage,
)
from tests.policies.cases import Case

MODULES = (
    test_balancer,
    test_containers,
    test_database,
    test_edge,
    test_evasions,
    test_firewall,
    test_identity,
    test_local,
    test_monitoring,
    test_network,
    test_services,
    test_storage,
)
CASES: list[Case] = [case for module in MODULES for case in module.CASES]
# Types that only older releases of the SDK, or older states, still have.
FORMER = ("elasticloadbalancingv2",)
# Names inside free-form text or objects that AWS, and not the SDK, defines.
OPAQUE = ("policy", "assumeRolePolicy", "tags", "containerDefinitions", "defaultTags")


def resource_class(token: str) -> Any:
    """The SDK's class of a type token: aws:lb/listener:Listener is pulumi_aws.lb.Listener."""
    package, path, name = token.split(":")
    module = path.split("/")[0].replace("lambda", "lambda_")
    suffix = "" if module == "index" else f".{module}"
    return getattr(importlib.import_module(f"pulumi_{package}{suffix}"), name)


def arguments(token: str) -> Any:
    """The class of a resource's inputs, which is named InitArgs where a nested block has taken its name."""
    made = resource_class(token)
    module = importlib.import_module(made.__module__)
    return getattr(module, f"{made.__name__}InitArgs", None) or getattr(module, f"{made.__name__}Args")


def fields(kind: Any) -> dict[str, str]:
    """Camel-case property names of an SDK argument class, with their annotations."""
    found = {}
    for name, value in inspect.getmembers(kind, lambda item: isinstance(item, property)):
        annotation = inspect.signature(value.fget).return_annotation
        found[getattr(value.fget, "_pulumi_name", name)] = str(annotation)
    return found


def misspelt(kind: Any, properties: Any, path: str) -> Iterator[str]:
    names = fields(kind)
    inputs = importlib.import_module(re.sub(r"\.[^.]+$", "._inputs", kind.__module__))
    for name, value in properties.items():
        if name not in names:
            yield f"{path}.{name}"
            continue
        nested = re.findall(r"'(\w+Args)'", names[name])
        entries = value if isinstance(value, list) else [value]
        for entry in entries if nested and name not in OPAQUE else ():
            if isinstance(entry, dict):
                yield from misspelt(getattr(inputs, nested[0]), entry, f"{path}.{name}")


def aws(resource: Resource) -> bool:
    return resource.type.startswith(("aws:", "docker:"))


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    pytest.importorskip(
        "pulumi_aws", reason="the AWS SDK is not installed here: names can't be held against it"
    )
    pytest.importorskip("pulumi_docker")


def test_every_story_is_told_with_real_property_names() -> None:
    wrong = {
        name
        for case in CASES
        for resource in case.resources
        if aws(resource) and not any(part in resource.type for part in FORMER)
        for name in misspelt(arguments(resource.type), resource.properties, resource.type)
    }
    assert wrong == set()


def test_every_policy_looks_at_real_types() -> None:
    tokens = {type_ for policy in POLICIES for check in policy.checks for type_ in check.types}
    for token in sorted(tokens):
        if not any(part in token for part in FORMER):
            source = Path(inspect.getfile(resource_class(token))).read_text()
            assert f"'{token}'" in source, token


def test_everything_that_must_be_tagged_can_be() -> None:
    assert [token for token in TAGGED if "tags" not in fields(arguments(token))] == []


def test_the_lists_that_hold_unknown_values_are_understood() -> None:
    assert list(misspelt(arguments("aws:ec2/vpc:Vpc"), {"cidrBlock": UNKNOWN}, "")) == []
