"""The program under Pulumi's mocks, with every RegisterResource request kept whole.

Pulumi's own `MockResourceArgs` drops `protect`, `ignoreChanges`, `aliases` and the parents; the graph's
promises are about exactly those, so the monitor itself is recorded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func

from stacks.aws.environment import deploy
from stacks.aws.settings import parse

ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/storestack-production/store@{DIGEST}"
BASE: Mapping[str, str] = {
    "aws:region": "eu-central-1",
    "storestack:target": "aws",
    "storestack:owner": "platform",
    "storestack:cost_centre": "shop",
    "certificates:domain": "shop.example.com",
    "certificates:zone_id": "Z0123456789",
    "monitoring:email": "on-call@example.com",
    "store:image": IMAGE,
    "store:payment_gateway": "stripe",
    "store:stripe_key": "sk_test_1",
    "store:stripe_webhook_key": "whsec_1",
    "store:smtp_url": "smtps://shop@mail.example.com:465",
}


@dataclass(frozen=True)
class Resource:
    """One registered resource: its request, and the inputs as plain values."""

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    ignored: tuple[str, ...]
    parent: str
    custom: bool
    aliases: int
    dependencies: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """What the program registered, in order, and what it returned."""

    resources: list[Resource]
    outputs: dict[str, Any]

    def of(self, type_: str) -> list[Resource]:
        """Return the resources whose type ends so: `ecs/service:Service` or `Service`."""
        return [item for item in self.resources if item.type.endswith(type_)]

    def one(self, name: str) -> Resource:
        found = [item for item in self.resources if item.name == name]
        assert len(found) == 1, f"{len(found)} resources are called {name!r}"
        return found[0]


def container(graph: Graph, part: str) -> dict[str, Any]:
    """Return the container definition of a part of the store."""
    (found,) = json.loads(graph.one(f"store-{part}-task").inputs["containerDefinitions"])
    assert isinstance(found, dict)
    return found


def environment(graph: Graph, part: str) -> dict[str, str]:
    """Return the plain variables of a part of the store."""
    return {item["name"]: item["value"] for item in container(graph, part)["environment"]}


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        host = f"{args.name}.example"
        made = {
            "arn": f"arn:aws:mock:::{args.name}",
            "arnSuffix": f"app/{args.name}/1",
            **dict.fromkeys(
                ("address", "endpoint", "primaryEndpointAddress", "clusterAddress", "dnsName"), host
            ),
            **args.inputs,
        }
        if args.typ == "aws:acm/certificate:Certificate":
            made["domainValidationOptions"] = [
                {"domainName": "x", "resourceRecordName": f"_{n}", "resourceRecordType": "CNAME",
                 "resourceRecordValue": f"v{n}"} for n in range(2)
            ]  # fmt: skip
        if args.typ == "aws:rds/instance:Instance":
            made["masterUserSecrets"] = [{"secretArn": "arn:aws:mock:::master"}]
        made.setdefault("name", args.name)
        return f"{args.name}-id", made

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getAvailabilityZones:getAvailabilityZones": {
                "names": [f"eu-central-1{letter}" for letter in "abc"]
            },
            "aws:route53/getZone:getZone": {"name": "example.com"},
            "aws:ec2/getManagedPrefixList:getManagedPrefixList": {"id": "pl-cloudfront"},
            "aws:secretsmanager/getRandomPassword:getRandomPassword": {"randomPassword": "made-by-aws"},
        }
        return answers[args.token], []


class _Monitor(mocks.MockMonitor):
    def __init__(self, mock: mocks.Mocks) -> None:
        super().__init__(mock)
        self.requests: list[Any] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        self.requests.append(request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def _resource(request: Any) -> Resource:
    inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
    return Resource(
        type=request.type,
        name=request.name,
        inputs={key: _plain(value) for key, value in inputs.items()},
        protect=request.protect,
        ignored=tuple(request.ignoreChanges),
        parent=request.parent,
        custom=request.custom,
        aliases=len(request.aliases),
        dependencies=tuple(request.dependencies),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return (
            _plain(value["value"]) if rpc.is_rpc_secret(value) else {k: _plain(v) for k, v in value.items()}
        )
    return [_plain(item) for item in value] if isinstance(value, list) else value


@cache
def record(stack: str = "production", now: datetime = NOW, **more: str | None) -> Graph:
    """Return the graph of BASE changed by `more` (`role__key=value`; None takes a key away)."""
    config = dict(BASE)
    for name, value in more.items():
        key = name.replace("__", ":", 1)
        config.pop(key, None)
        if value is not None:
            config[key] = value
    settings = parse(stack, config, now)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mock = _Mocks()
    monitor = _Monitor(mock)
    pulumi.runtime.set_mocks(mock, project="storestack", stack=stack, preview=False, monitor=monitor)
    outputs: dict[str, Any] = {}

    loop.run_until_complete(run_pulumi_func(lambda: outputs.update(deploy(settings))))
    values = loop.run_until_complete(_resolve(outputs))
    return Graph([_resource(request) for request in monitor.requests], values)


async def _resolve(outputs: dict[str, Any]) -> dict[str, Any]:
    values = {}
    for key, value in outputs.items():
        values[key] = await value.future() if isinstance(value, pulumi.Output) else value
    return values
