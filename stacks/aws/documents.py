"""Documents: Amazon DocumentDB, which speaks the MongoDB API, for stores that keep documents.

Creates a subnet group, a parameter group (TLS only, audit on), an encrypted cluster with a master password
that AWS manages and rotates, point-in-time recovery, its exported logs, and its instances.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import Context

PORT = 27017


class Documents(pulumi.ComponentResource):
    """Outputs: `url` (no password in it) and `secret_arn`, the master user's."""

    def __init__(
        self,
        name: str,
        args: settings.Documents,
        context: Context,
        *,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        log_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Documents", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        identifier = context.name("documents")
        subnets = aws.docdb.SubnetGroup(
            f"{name}-subnets", name=identifier, subnet_ids=list(subnet_ids), opts=child
        )
        parameters = aws.docdb.ClusterParameterGroup(
            f"{name}-parameters",
            name=identifier,
            family="docdb5.0",
            description="TLS only; audit log on",
            parameters=[
                aws.docdb.ClusterParameterGroupParameterArgs(name=key, value="enabled")
                for key in ("tls", "audit_logs")
            ],
            opts=child,
        )
        log = aws.cloudwatch.LogGroup(
            f"{name}-audit-log",
            name=f"/aws/docdb/{identifier}/audit",
            retention_in_days=log_days,
            kms_key_id=key_arn,
            opts=child,
        )
        self.cluster = aws.docdb.Cluster(
            f"{name}-cluster",
            cluster_identifier=identifier,
            engine="docdb",
            engine_version="5.0.0",
            master_username="store_master",
            manage_master_user_password=True,
            port=PORT,
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
            vpc_security_group_ids=[group_id],
            storage_encrypted=True,
            kms_key_id=key_arn,
            backup_retention_period=args.backup_days,
            preferred_backup_window="02:00-03:00",
            preferred_maintenance_window="sun:05:30-sun:06:30",
            enabled_cloudwatch_logs_exports=["audit"],
            deletion_protection=context.protect,
            skip_final_snapshot=not context.protect,
            final_snapshot_identifier=f"{identifier}-final" if context.protect else None,
            opts=context.stateful(self, depends_on=[log]),
        )
        for number in range(1, args.instances + 1):
            aws.docdb.ClusterInstance(
                f"{name}-{number}",
                identifier=f"{identifier}-{number}",
                cluster_identifier=self.cluster.id,
                instance_class=args.instance_class,
                auto_minor_version_upgrade=True,
                opts=context.stateful(self),
            )
        self.secret_arn = self.cluster.master_user_secrets.apply(
            lambda found: (found[0].secret_arn or "") if found else ""
        )
        self.url = pulumi.Output.concat(
            "mongodb://", self.cluster.endpoint, f":{PORT}/store?tls=true&replicaSet=rs0&retryWrites=false"
        )
        self.register_outputs({"url": self.url})
