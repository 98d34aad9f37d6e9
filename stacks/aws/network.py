"""The network: a VPC over two or three zones with a public, an app and a data tier.

Creates the VPC, an internet gateway, one subnet per tier and zone, NAT gateways, route tables, the S3 gateway
endpoint and the interface endpoints asked for, flow logs, and takes every rule out of the default security
group. The data tier has no route out. An existing VPC is taken by id, and then nothing is made here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context

TIERS = ("public", "app", "data")


class Network(pulumi.ComponentResource):
    """Outputs: `vpc_id`, `app_subnet_ids`, `data_subnet_ids`, and `nat_ids` for the alarms."""

    vpc_id: pulumi.Output[str]
    app_subnet_ids: list[pulumi.Output[str]]
    data_subnet_ids: list[pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        args: settings.Network,
        context: Context,
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Network", name, None, opts)
        self._name, self._context = name, context
        self._child = pulumi.ResourceOptions(parent=self)
        self.nat_ids: list[pulumi.Output[str]] = []
        if args.vpc_id is not None:
            self.vpc_id = pulumi.Output.from_input(args.vpc_id)
            self.app_subnet_ids = [pulumi.Output.from_input(item) for item in args.app_subnet_ids]
            self.data_subnet_ids = [pulumi.Output.from_input(item) for item in args.data_subnet_ids]
        else:
            self._make(args, log_key_arn)
        self.register_outputs({"vpc_id": self.vpc_id})

    def _make(self, args: settings.Network, log_key_arn: pulumi.Input[str]) -> None:
        name, child = self._name, self._child
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=str(args.cidr),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": self._context.prefix},
            opts=child,
        )
        self.vpc_id = vpc.id
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group", vpc_id=vpc.id, ingress=[], egress=[], opts=child
        )
        gateway = aws.ec2.InternetGateway(f"{name}-internet", vpc_id=vpc.id, opts=child)
        subnets = self._make_subnets(args, vpc)

        public = aws.ec2.RouteTable(f"{name}-public-routes", vpc_id=vpc.id, opts=child)
        aws.ec2.Route(
            f"{name}-public-out",
            route_table_id=public.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=child,
        )
        data = aws.ec2.RouteTable(f"{name}-data-routes", vpc_id=vpc.id, opts=child)
        for tier, table in (("public", public), ("data", data)):
            for zone, subnet in zip(args.zones, subnets[tier], strict=True):
                self._associate(f"{tier}-{zone[-1]}", subnet, table)
        private = self._make_ways_out(args, subnets, gateway)
        self._make_endpoints(args, subnets["app"], [data, *private])
        self._make_flow_log(args, log_key_arn)
        self.app_subnet_ids = [subnet.id for subnet in subnets["app"]]
        self.data_subnet_ids = [subnet.id for subnet in subnets["data"]]

    def _make_subnets(self, args: settings.Network, vpc: aws.ec2.Vpc) -> dict[str, list[aws.ec2.Subnet]]:
        """One block of a sixteenth per tier and zone; each tier has four, so a zone can be added without
        moving any.
        """
        blocks = list(args.cidr.subnets(prefixlen_diff=4))
        return {
            tier: [
                aws.ec2.Subnet(
                    f"{self._name}-{tier}-{zone[-1]}",
                    vpc_id=vpc.id,
                    cidr_block=str(blocks[4 * row + column]),
                    availability_zone=zone,
                    map_public_ip_on_launch=False,
                    tags={"Name": self._context.name(f"{tier}-{zone[-1]}"), "tier": tier},
                    opts=self._child,
                )
                for column, zone in enumerate(args.zones)
            ]
            for row, tier in enumerate(TIERS)
        }

    def _make_ways_out(
        self,
        args: settings.Network,
        subnets: dict[str, list[aws.ec2.Subnet]],
        gateway: aws.ec2.InternetGateway,
    ) -> list[aws.ec2.RouteTable]:
        """Return the app tier's route tables, one per zone, each through the NAT of its own zone or the only
        one.
        """
        name, child, nats = self._name, self._child, []
        for column in range(len(args.zones) if args.nat == "per_zone" else 1):
            letter = args.zones[column][-1]
            address = aws.ec2.Eip(f"{name}-nat-{letter}-address", domain="vpc", opts=child)
            nats.append(
                aws.ec2.NatGateway(
                    f"{name}-nat-{letter}",
                    allocation_id=address.allocation_id,
                    subnet_id=subnets["public"][column].id,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
                )
            )
        self.nat_ids = [nat.id for nat in nats]
        tables = []
        for column, zone in enumerate(args.zones):
            table = aws.ec2.RouteTable(f"{name}-app-routes-{zone[-1]}", vpc_id=self.vpc_id, opts=child)
            aws.ec2.Route(
                f"{name}-app-out-{zone[-1]}",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=nats[min(column, len(nats) - 1)].id,
                opts=child,
            )
            self._associate(f"app-{zone[-1]}", subnets["app"][column], table)
            tables.append(table)
        return tables

    def _associate(self, part: str, subnet: aws.ec2.Subnet, table: aws.ec2.RouteTable) -> None:
        aws.ec2.RouteTableAssociation(
            f"{self._name}-{part}-routes", subnet_id=subnet.id, route_table_id=table.id, opts=self._child
        )

    def _make_endpoints(
        self, args: settings.Network, subnets: Sequence[aws.ec2.Subnet], tables: Sequence[aws.ec2.RouteTable]
    ) -> None:
        name, child, region = self._name, self._child, self._context.region
        for service in ("s3", "dynamodb"):
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc_id,
                vpc_endpoint_type="Gateway",
                service_name=f"com.amazonaws.{region}.{service}",
                route_table_ids=[table.id for table in tables],
                opts=child,
            )
        if not args.endpoints:
            return
        group = aws.ec2.SecurityGroup(
            f"{name}-endpoints-group",
            vpc_id=self.vpc_id,
            name=self._context.name("endpoints"),
            description="The VPC's interface endpoints",
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-endpoints-in",
            security_group_id=group.id,
            description="HTTPS from inside the VPC",
            cidr_ipv4=str(args.cidr),
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=child,
        )
        for service in args.endpoints:
            aws.ec2.VpcEndpoint(
                f"{name}-{service.replace('.', '-')}",
                vpc_id=self.vpc_id,
                vpc_endpoint_type="Interface",
                service_name=f"com.amazonaws.{region}.{service}",
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                opts=child,
            )

    def _make_flow_log(self, args: settings.Network, log_key_arn: pulumi.Input[str]) -> None:
        name, child, context = self._name, self._child, self._context
        group = aws.cloudwatch.LogGroup(
            f"{name}-flow-logs",
            name=f"/{context.prefix}/flow",
            retention_in_days=args.flow_log_days,
            kms_key_id=log_key_arn,
            opts=child,
        )
        arn = context.arn("logs", f"log-group:/{context.prefix}/flow")
        role = access.Role(
            f"{name}-flow-role",
            context.name("flow-logs"),
            access.trust("vpc-flow-logs.amazonaws.com", context.account),
            self,
            [
                access.allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    [f"{arn}:*", arn],
                ),
            ],
        )
        aws.ec2.FlowLog(
            f"{name}-flow",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            opts=child,
        )
