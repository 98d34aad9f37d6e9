"""Wide columns: an Amazon Keyspaces keyspace (the Cassandra API), reached through an endpoint in the data
subnets.

There is no password: the store signs with its task role, which may read and change this keyspace and no
other. Tables are the store's own: its release makes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import access
from stacks.aws.context import Context

PORT = 9142


class WideColumn(pulumi.ComponentResource):
    """Outputs: `url`, and `statements` for the store's roles."""

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:WideColumn", name, None, opts)
        keyspace = context.prefix.replace("-", "_")
        aws.keyspaces.Keyspace(f"{name}-keyspace", name=keyspace, opts=context.stateful(self))
        aws.ec2.VpcEndpoint(
            f"{name}-endpoint",
            vpc_id=vpc_id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{context.region}.cassandra",
            subnet_ids=list(subnet_ids),
            security_group_ids=[group_id],
            private_dns_enabled=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = f"cassandra://cassandra.{context.region}.amazonaws.com:{PORT}/{keyspace}?ssl=true"
        actions = [f"cassandra:{verb}" for verb in ("Select", "Modify", "Create", "Alter")]
        self.statements = [
            access.allow(
                actions,
                [
                    context.arn("cassandra", f"/keyspace/{keyspace}/"),
                    context.arn("cassandra", f"/keyspace/{keyspace}/table/*"),
                ],
            ),
            # Drivers read the cluster's own description on connecting.
            access.allow(["cassandra:Select"], [context.arn("cassandra", "/keyspace/system*")]),
        ]
        self.register_outputs({"url": self.url})
