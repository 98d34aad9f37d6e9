"""`make cost`: what an environment costs a month, by role, from its preview and the price table.

Only what a price is known for is added up. What has none, and what depends on traffic, is listed as unknown:
the sum is a floor, and says so. Nothing here calls AWS.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HOURS: Final = 730
PRICES: Final = Path(__file__).with_name("prices.toml")

ASSUMPTIONS: Final = (
    "Every month has 730 hours; list prices, without tax, discounts or free tiers.",
    "Tasks run at their minimum all month, on demand: Spot and scaling out are not counted.",
    "A Multi-AZ database costs twice its instance and twice its storage.",
    "Requests, traffic, logs and backups depend on use and are not counted.",
)

# Nothing to pay for the resource itself.
FREE: Final = frozenset(
    (
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:appautoscaling/policy:Policy",
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        "aws:appautoscaling/target:Target",
        "aws:backup/plan:Plan",
        "aws:backup/selection:Selection",
        "aws:cloudfront/cachePolicy:CachePolicy",
        "aws:cloudfront/originAccessControl:OriginAccessControl",
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        "aws:cloudfront/vpcOrigin:VpcOrigin",
        "aws:docdb/clusterParameterGroup:ClusterParameterGroup",
        "aws:docdb/subnetGroup:SubnetGroup",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecs/cluster:Cluster",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:ecs/taskDefinition:TaskDefinition",
        "aws:elasticache/parameterGroup:ParameterGroup",
        "aws:elasticache/subnetGroup:SubnetGroup",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/alias:Alias",
        "aws:lambda/alias:Alias",
        "aws:lambda/permission:Permission",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/targetGroup:TargetGroup",
        "aws:lb/targetGroupAttachment:TargetGroupAttachment",
        "aws:rds/parameterGroup:ParameterGroup",
        "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup",
        "aws:rds/proxyTarget:ProxyTarget",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:route53/record:Record",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:ssm/parameter:Parameter",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:wafv2/ipSet:IpSet",
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
    )
)


class CostError(Exception):
    """The preview or the price table cannot be read; the message says the mend."""


@dataclass(frozen=True)
class Line:
    """A resource's monthly cost in USD, or None where no price is known, and why."""

    role: str
    resource: str
    what: str
    monthly: float | None


@dataclass(frozen=True)
class Use:
    """So much of one price: `key` is `table.name`; `quantity` is in its unit, without the month's hours."""

    key: str
    quantity: float
    what: str


def load_prices(path: Path = PRICES) -> dict[str, Any]:
    """Return the price table; raise CostError unless every price names its unit, source and date."""
    table = tomllib.loads(path.read_text())
    for group, entries in table.items():
        if not isinstance(entries, dict):
            continue
        for name, entry in entries.items():
            if set(entry) != {"price", "per", "source", "date"}:
                raise CostError(f"{path.name}: {group}.{name} must have price, per, source and date")
    return table


def estimate(preview: Mapping[str, Any], prices: Mapping[str, Any]) -> list[Line]:
    """Return a line for every resource of a `pulumi preview --json` that costs something, or may."""
    states = [step["newState"] for step in preview.get("steps", []) if step.get("newState")]
    if not states:
        raise CostError(
            "the preview holds no resource: run `pulumi preview --json` on a stack of the aws target"
        )
    region = next(
        (state["inputs"].get("region") for state in states if "providers:aws" in state["type"]), None
    )
    if region is None:
        raise CostError("the preview names no region: is it of a stack with storestack:target aws?")
    tasks = {
        state["inputs"]["family"]: state["inputs"]
        for state in states
        if state["type"] == "aws:ecs/taskDefinition:TaskDefinition"
    }
    lines: list[Line] = []
    for state in states:
        if state["type"].startswith("aws:") and state["type"] not in FREE:
            lines.extend(_price(state, region, tasks, prices))
    return lines


def _price(
    state: Mapping[str, Any], region: str, tasks: Mapping[str, Any], prices: Mapping[str, Any]
) -> Iterator[Line]:
    role, name = _role(state), state["urn"].rsplit("::", 1)[1]
    reader = READERS.get(state["type"])
    if reader is None:
        yield Line(role, name, f"{state['type'].split(':')[-1]}: depends on use, or has no price here", None)
        return
    for use in reader(state["inputs"], tasks):
        group, key = use.key.split(".", 1)
        entry = prices.get(group, {}).get(key)
        if region != prices["region"]:
            yield Line(role, name, f"{use.what}: no price for {region}", None)
        elif entry is None:
            yield Line(role, name, f"{use.what}: {use.key} is not in the price table", None)
        else:
            hours = HOURS if "hour" in entry["per"] else 1
            yield Line(role, name, use.what, entry["price"] * use.quantity * hours)


def _role(state: Mapping[str, Any]) -> str:
    """Return the role that made the resource: the component that is its parent."""
    kind = state.get("parent", "").split("::")[-2:-1]
    return kind[0].rsplit(":", 1)[-1].lower() if kind else "stack"


def _service(inputs: Mapping[str, Any], tasks: Mapping[str, Any]) -> Iterator[Use]:
    task, count = tasks.get(inputs["name"]), inputs["desiredCount"]
    if task is None:
        return
    arm = "_arm" if task["runtimePlatform"]["cpuArchitecture"] == "ARM64" else ""
    vcpu, memory = int(task["cpu"]) / 1024, int(task["memory"]) / 1024
    yield Use(f"fargate.vcpu{arm}", vcpu * count, f"{count} tasks of {vcpu:g} vCPU")
    yield Use(f"fargate.memory{arm}", memory * count, f"{count} tasks of {memory:g} GB")


def _instance(inputs: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Use]:
    copies = 2 if inputs.get("multiAz") else 1
    yield Use(f"database.{inputs['instanceClass']}", copies, f"{copies} x {inputs['instanceClass']}")
    if "allocatedStorage" in inputs:
        size = inputs["allocatedStorage"]
        yield Use("database.gp3", size * copies, f"{copies} x {size} GB of gp3")


def _cache(inputs: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Use]:
    nodes = inputs.get("numCacheClusters") or inputs.get("numCacheNodes") or 1
    yield Use(f"cache.{inputs['nodeType']}", nodes, f"{nodes} x {inputs['nodeType']}")


def _web_acl(inputs: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Use]:
    yield Use("firewall.web_acl", 1, "web ACL")
    yield Use("firewall.rule", len(inputs["rules"]), f"{len(inputs['rules'])} rules")


def _one(key: str, what: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Use]]:
    return lambda _inputs, _tasks: iter([Use(key, 1, what)])


def _endpoint(inputs: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Use]:
    if inputs.get("vpcEndpointType") == "Interface":
        yield Use("network.endpoint", len(inputs.get("subnetIds") or []), "interface endpoint")


READERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Use]]]] = {
    "aws:ecs/service:Service": _service,
    "aws:rds/instance:Instance": _instance,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:elasticache/cluster:Cluster": _cache,
    "aws:wafv2/webAcl:WebAcl": _web_acl,
    "aws:lb/loadBalancer:LoadBalancer": _one("balancer.hour", "load balancer, without its capacity units"),
    "aws:kms/key:Key": _one("secrets.key", "KMS key"),
    "aws:secretsmanager/secret:Secret": _one("secrets.secret", "secret"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _one("monitoring.alarm", "alarm"),
    "aws:ec2/natGateway:NatGateway": _one("network.nat", "NAT gateway"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
}


def per_thousand_orders(monthly: float, orders_a_minute: float) -> float:
    """Return USD per 1,000 orders when the environment takes orders at the measured rate all the time."""
    if orders_a_minute <= 0:
        raise CostError(f"orders_per_minute is {orders_a_minute}: must be above 0")
    return monthly / (orders_a_minute * 60 * HOURS) * 1000


def report(lines: Sequence[Line], orders_a_minute: float | None) -> str:
    """Return the page: by role, what is known; then what is not; then the assumptions."""
    known: dict[str, float] = defaultdict(float)
    for line in lines:
        known[line.role] += line.monthly or 0
    total = sum(known.values())
    out = [f"{'role':<14}{'USD a month':>12}"]
    out += [
        f"{role:<14}{cost:>12.2f}" for role, cost in sorted(known.items(), key=lambda item: -item[1]) if cost
    ]
    out += [f"{'at least':<14}{total:>12.2f}"]
    if orders_a_minute is not None:
        cost = per_thousand_orders(total, orders_a_minute)
        out += [f"per 1,000 orders at {orders_a_minute:g} a minute: at least {cost:.3f}"]
    unknown: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.monthly is None:
            unknown[line.role, line.what] += 1
    out += ["", "Unknown, and not in the sum:"]
    out += [f"  {role}: {count} x {what}" for (role, what), count in sorted(unknown.items())]
    return "\n".join([*out, "", "Assumptions:", *(f"  {line}" for line in ASSUMPTIONS)])


def main() -> int:
    """Read a preview from a file or standard input and print the page; exit code 1 with the mend if it is
    none. Of an empty input the command before the pipe has said why.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "preview", nargs="?", type=Path, help="`pulumi preview --json`; standard input unless given"
    )
    parser.add_argument("--capacity", type=Path, help="a capacity report (JSON with orders_per_minute)")
    arguments = parser.parse_args()
    try:
        text = arguments.preview.read_text() if arguments.preview else sys.stdin.read()
        if not text and not arguments.preview:
            return 1
        capacity = json.loads(arguments.capacity.read_text()) if arguments.capacity else {}
        lines = estimate(json.loads(text), load_prices())
        print(report(lines, capacity.get("orders_per_minute")))
    except (CostError, OSError, json.JSONDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
