"""Stories of the network's policies."""

from typing import Any

import pytest

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
VPC = made("aws:ec2/vpc:Vpc", "shop")
DATA = made(GROUP, "data")
DATABASE = made("aws:rds/instance:Instance", "shop", refers={"vpcSecurityGroupIds": DATA})
CACHE = made("aws:elasticache/replicationGroup:ReplicationGroup", "carts", refers={"securityGroupIds": DATA})
WORLD = "0.0.0.0/0"


def group(*networks: str, port: int = 443, **rule: Any) -> Resource:
    block = {
        "protocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "cidrBlocks": list(networks),
        "description": "why",
    }
    return made(GROUP, "edge", ingress=[{**block, **rule}])


def old_rule(**properties: Any) -> Resource:
    given = {
        "type": "ingress",
        "protocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "description": "why",
        **properties,
    }
    return made(RULE, "rule", refers={"securityGroupId": DATA}, **given)


def new_rule(**properties: Any) -> Resource:
    given = {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "description": "why", **properties}
    return made(INGRESS, "rule", refers={"securityGroupId": DATA}, **given)


def flow_log(kind: str | None = "ALL") -> Resource:
    return made(
        "aws:ec2/flowLog:FlowLog", "flows", refers={"vpcId": VPC}, **({"trafficType": kind} if kind else {})
    )


EMPTY_DEFAULT = made(DEFAULT, "none", refers={"vpcId": VPC})
SUBNET = made("aws:ec2/subnet:Subnet", "a", mapPublicIpOnLaunch=True)
TABLE = made("aws:ec2/routeTable:RouteTable", "public")
ASSOCIATION = made(
    "aws:ec2/routeTableAssociation:RouteTableAssociation", refers={"subnetId": SUBNET, "routeTableId": TABLE}
)
TO_INTERNET = made(
    "aws:ec2/route:Route", refers={"routeTableId": TABLE}, destinationCidrBlock=WORLD, gatewayId="igw-1"
)
TO_NAT = made(
    "aws:ec2/route:Route", refers={"routeTableId": TABLE}, destinationCidrBlock=WORLD, natGatewayId="nat-1"
)

CASES: list[Case] = [
    kept("firewall-closed", "HTTPS for everyone", group(WORLD)),
    kept("firewall-closed", "HTTP/3 for everyone", group(WORLD, protocol="udp")),
    kept("firewall-closed", "SSH from the office", group("198.51.100.0/24", port=22)),
    kept(
        "firewall-closed",
        "data for the application",
        DATA,
        DATABASE,
        new_rule(referencedSecurityGroupId="sg-app"),
    ),
    breached("firewall-closed", "SSH for everyone", f"(tcp 22) is open to {WORLD}", group(WORLD, port=22)),
    breached(
        "firewall-closed",
        "everything for everyone",
        "(all ports)",
        group(WORLD, protocol="-1", fromPort=0, toPort=0),
    ),
    breached(
        "firewall-closed", "a range that holds 443", "tcp 1-65535", group(WORLD, fromPort=1, toPort=65535)
    ),
    breached("firewall-closed", "everyone under IPv6", "::/0", group(port=22, ipv6CidrBlocks=["::/0"])),
    breached("firewall-closed", "half of the internet", "0.0.0.0/1", group("0.0.0.0/1", port=22)),
    breached("firewall-closed", "an old-style rule for everyone", "tcp 22", old_rule(cidrBlocks=[WORLD])),
    breached("firewall-closed", "a new-style rule for everyone", "tcp 5432", new_rule(cidrIpv4=WORLD)),
    breached(
        "firewall-closed",
        "data for the whole network",
        'guards rds/Instance "shop"',
        DATA,
        DATABASE,
        new_rule(cidrIpv4="10.0.0.0/16"),
    ),
    breached(
        "firewall-closed",
        "carts for the whole network",
        'ReplicationGroup "carts"',
        DATA,
        CACHE,
        old_rule(cidrBlocks=["10.0.0.0/8"]),
    ),
    breached(
        "firewall-closed",
        "data for the whole network, written inline",
        "open to 10.0.0.0/16",
        made(
            GROUP,
            "inline",
            ingress=[
                {
                    "protocol": "tcp",
                    "fromPort": 5432,
                    "toPort": 5432,
                    "cidrBlocks": ["10.0.0.0/16"],
                    "description": "why",
                }
            ],
        ),
        made("aws:rds/instance:Instance", vpcSecurityGroupIds=["inline-id"]),
    ),
    missing(
        "firewall-closed",
        "a rule that says nothing",
        "ingress[0].description is not set",
        group(WORLD, description=None),
    ),
    missing(
        "firewall-closed",
        "an egress rule that says nothing",
        "description is not set",
        made(EGRESS, ipProtocol="-1", cidrIpv4=WORLD),
    ),
    missing("firewall-closed", "a group without rules", None, DATA),
    kept("network-closed", "watched, with an empty default group", VPC, flow_log(), EMPTY_DEFAULT),
    kept("network-closed", "a public subnet", SUBNET, ASSOCIATION, TABLE, TO_INTERNET),
    breached(
        "network-closed",
        "only what was accepted is logged",
        '"ACCEPT"',
        VPC,
        flow_log("ACCEPT"),
        EMPTY_DEFAULT,
    ),
    breached(
        "network-closed",
        "a default group that lets all through",
        "all ports",
        VPC,
        flow_log(),
        made(
            DEFAULT,
            refers={"vpcId": VPC},
            ingress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}],
        ),
    ),
    breached(
        "network-closed",
        "public addresses in a private subnet",
        "mapPublicIpOnLaunch is true",
        SUBNET,
        ASSOCIATION,
        TABLE,
        TO_NAT,
    ),
    missing("network-closed", "no flow log", "has no ec2 FlowLog", VPC, EMPTY_DEFAULT),
    missing("network-closed", "a log of no traffic", "is not set", VPC, flow_log(None), EMPTY_DEFAULT),
    missing("network-closed", "AWS's default group", "has no ec2 DefaultSecurityGroup", VPC, flow_log()),
    missing("network-closed", "no public addresses by default", None, made("aws:ec2/subnet:Subnet")),
]


@stories(CASES)
def test_network(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("network", ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "not a network"])
def test_a_bounded_network_is_not_the_internet(network: str) -> None:
    run(kept("firewall-closed", network, group(network, port=22)))
