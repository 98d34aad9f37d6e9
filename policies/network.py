"""Policies of the network: security groups in all their forms, VPCs and subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policies.graph import UNKNOWN, Graph, Resource, is_set, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE_TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ROUTE = "aws:ec2/route:Route"
PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
PREFIX_LIST_ENTRY = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"
PREFIX_LIST_PROPERTIES = ("prefixListIds", "prefixListId", "ingress", "egress")

# Which property of what holds data names its security groups.
DATA_HOLDERS = (
    ("aws:rds/instance:Instance", "vpcSecurityGroupIds"),
    ("aws:rds/cluster:Cluster", "vpcSecurityGroupIds"),
    ("aws:rds/proxy:Proxy", "vpcSecurityGroupIds"),
    ("aws:elasticache/replicationGroup:ReplicationGroup", "securityGroupIds"),
    ("aws:elasticache/cluster:Cluster", "securityGroupIds"),
    ("aws:elasticache/serverlessCache:ServerlessCache", "securityGroupIds"),
    ("aws:docdb/cluster:Cluster", "vpcSecurityGroupIds"),
    ("aws:memorydb/cluster:Cluster", "securityGroupIds"),
)
WEB_PORTS = (80, 443)
# Wider than these is nobody's office: the internet may also be written as two halves, or as many parts.
WIDEST_OWN = {4: 16, 6: 32}
PRIVATE_NETWORKS = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7")
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a security group, whichever of the three resource forms it is written in."""

    path: str
    ingress: bool
    protocol: str
    first_port: int | None
    last_port: int | None
    networks: tuple[str, ...]
    prefix_lists: tuple[Any, ...]
    description: str | None

    @property
    def ports(self) -> str:
        if self.protocol in ("-1", "all") or self.first_port is None:
            return "all ports"
        ports = (
            str(self.first_port)
            if self.first_port == self.last_port
            else f"{self.first_port}-{self.last_port}"
        )
        return f"{self.protocol} {ports}"

    @property
    def open_to(self) -> str | None:
        """The first network of this rule that is the internet, or most of it."""
        for network in self.networks:
            if is_internet(network):
                return network
        return None

    @property
    def is_web(self) -> bool:
        return (
            self.protocol.lower() in ("tcp", "udp", "6", "17")
            and self.first_port == self.last_port
            and self.first_port in WEB_PORTS
        )


def is_internet(network: str) -> bool:
    """Whether a CIDR reaches far beyond anyone's own networks: the whole internet, or a large part of it."""
    try:
        parsed = ipaddress.ip_network(network.strip(), strict=False)
    except ValueError:
        return False
    private = any(
        parsed.subnet_of(own)  # type: ignore[arg-type] # both of one version
        for own in PRIVATE_NETWORKS
        if own.version == parsed.version
    )
    return parsed.prefixlen < WIDEST_OWN[parsed.version] and not private


def block_rule(path: str, ingress: bool, block: Any) -> Rule:
    """A rule as an inline block or an `ec2.SecurityGroupRule` writes it."""
    networks = [*(pick(block, "cidrBlocks") or ()), *(pick(block, "ipv6CidrBlocks") or ())]
    return Rule(
        path=path,
        ingress=ingress,
        protocol=str(pick(block, "protocol", "-1")),
        first_port=pick(block, "fromPort"),
        last_port=pick(block, "toPort"),
        networks=tuple(item for item in networks if item is not UNKNOWN),
        prefix_lists=tuple(pick(block, "prefixListIds") or ()),
        description=pick(block, "description"),
    )


def rules(resource: Resource) -> Iterator[Rule]:
    """The rules that one resource writes: a group's inline blocks, or the rule that the resource is."""
    if resource.type in (GROUP, DEFAULT_GROUP):
        for direction in ("ingress", "egress"):
            for path, block in resource.items(direction):
                yield block_rule(path, direction == "ingress", block)
    elif resource.type == OLD_RULE:
        yield block_rule("rule", resource.get("type") == "ingress", resource.properties)
    else:
        networks = (resource.properties.get("cidrIpv4"), resource.properties.get("cidrIpv6"))
        yield Rule(
            path="rule",
            ingress=resource.type == INGRESS_RULE,
            protocol=str(resource.get("ipProtocol", "-1")),
            first_port=resource.get("fromPort"),
            last_port=resource.get("toPort"),
            networks=tuple(item for item in networks if isinstance(item, str)),
            # Not known yet is given all the same.
            prefix_lists=(resource.properties["prefixListId"],) if resource.has("prefixListId") else (),
            description=resource.get("description"),
        )


RULE_FORMS = (GROUP, OLD_RULE, INGRESS_RULE, EGRESS_RULE)

OPEN_PORTS = Policy(
    number="58",
    id="firewall-closed",
    rule="Open only 80 and 443 to the internet, data only to the application, and say what each rule is for",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("EC2.13", "EC2.14", "EC2.18", "EC2.19"),
    pci=("1.3.1",),
    mend="Name the security group that may call, in referencedSecurityGroupId, instead of a network",
)


@OPEN_PORTS.check(*RULE_FORMS)
def find_open_ports(resource: Resource) -> Findings:
    for rule in rules(resource):
        if rule.ingress and rule.open_to and not rule.is_web:
            yield Finding(f"{rule.path} ({rule.ports})", Words(f"open to {rule.open_to}"))
        if not rule.description:
            yield Finding(f"{rule.path}.description", None, "Say in description who calls whom, and why")


@OPEN_PORTS.check(*RULE_FORMS)
def find_open_prefix_lists(resource: Resource, graph: Graph) -> Findings:
    """A prefix list of one's own may hold the internet as well."""
    if not any(rule.ingress and rule.prefix_lists and not rule.is_web for rule in rules(resource)):
        return
    for path in PREFIX_LIST_PROPERTIES:
        for prefixes in graph.referred(resource, path, PREFIX_LIST):
            entries = [pick(entry, "cidr") for _, entry in prefixes.items("entries")]
            entries += [
                entry.get("cidr") for entry in graph.referring(prefixes, "prefixListId", PREFIX_LIST_ENTRY)
            ]
            for cidr in entries:
                if is_internet(str(cidr)):
                    yield Finding(f"{prefixes.label}, from which it is reached,", Words(f"open to {cidr}"))


@OPEN_PORTS.check(*RULE_FORMS)
def find_open_data(resource: Resource, graph: Graph) -> Findings:
    holder = next(
        (found for group in groups_of(resource, graph) for found in data_holders(group, graph)), None
    )
    if holder is None:
        return
    for rule in rules(resource):
        if rule.ingress and (rule.networks or rule.prefix_lists):
            sources = ", ".join(rule.networks) or "a prefix list"
            yield Finding(
                f"{rule.path} ({rule.ports}), which guards {holder.label},", Words(f"open to {sources}")
            )


def groups_of(resource: Resource, graph: Graph) -> list[Resource]:
    return [resource] if resource.type == GROUP else graph.referred(resource, "securityGroupId", GROUP)


def data_holders(group: Resource, graph: Graph) -> Iterator[Resource]:
    for type_, path in DATA_HOLDERS:
        yield from graph.referring(group, path, type_)


VPC_UPKEEP = Policy(
    number="59",
    id="network-closed",
    rule="Log the VPC's flows, empty its default security group, and give private subnets no public "
    "addresses",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("EC2.6", "EC2.2", "EC2.15"),
    pci=("10.2.1",),
    checkov=("CKV2_AWS_11", "CKV2_AWS_12", "CKV_AWS_130"),
    mend="Add an ec2 FlowLog with trafficType ALL or REJECT and an ec2 DefaultSecurityGroup without rules "
    "for the VPC",
)


@VPC_UPKEEP.check(VPC)
def find_unwatched(vpc: Resource, graph: Graph) -> Findings:
    logs = graph.referring(vpc, "vpcId", FLOW_LOG)
    if not logs:
        yield Missing("ec2 FlowLog")
    elif not any(log.get("trafficType") in ("ALL", "REJECT") for log in logs):
        yield Finding(f'trafficType of FlowLog "{logs[0].name}"', logs[0].get("trafficType"))
    if not graph.referring(vpc, "vpcId", DEFAULT_GROUP):
        yield Missing("ec2 DefaultSecurityGroup: left as it is, it lets its members talk freely")


@VPC_UPKEEP.check(DEFAULT_GROUP)
def find_filled_default(group: Resource) -> Findings:
    for rule in rules(group):
        yield Finding(rule.path, Words(rule.ports), "Remove every rule from the default security group")


@VPC_UPKEEP.check(SUBNET)
def find_public_addresses(subnet: Resource, graph: Graph) -> Findings:
    if subnet.on("mapPublicIpOnLaunch") and not is_public(subnet, graph):
        mend = "Set it to false, or route the subnet to an internet gateway if it is meant to be public"
        yield Finding("mapPublicIpOnLaunch", True, mend)


def is_public(subnet: Resource, graph: Graph) -> bool:
    """Whether a subnet's route table leads to an internet gateway."""
    for association in graph.referring(subnet, "subnetId", ROUTE_TABLE_ASSOCIATION):
        for table in graph.referred(association, "routeTableId", ROUTE_TABLE):
            if any(is_set(route, "gatewayId") for _, route in table.items("routes")):
                return True
            routes = graph.referring(table, "routeTableId", ROUTE)
            if any(route.has("gatewayId") for route in routes):
                return True
    return False
