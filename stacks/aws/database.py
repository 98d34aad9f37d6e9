"""The database: RDS PostgreSQL (or MySQL), its standby, replicas and proxy.

Creates a subnet group, a parameter group that forces TLS and logs slow queries, log groups with a retention,
the primary (encrypted, master password managed and rotated by RDS, point-in-time recovery), read replicas,
and RDS Proxy with the store's own role. Three users: the master is RDS's; `store` and `migrator` are made by
the release task.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context

PORTS = {"postgres": 5432, "mysql": 3306}
SCHEMES = {"postgres": "postgresql", "mysql": "mysql"}
# The name of the certificate check in each driver's URL; without it TLS is on but the server may be anybody.
TLS_OPTIONS = {"postgres": "sslmode=verify-full", "mysql": "ssl-mode=VERIFY_IDENTITY"}
LOGS = {"postgres": ("postgresql", "upgrade"), "mysql": ("error", "slowquery")}
MASTER = "store_master"


class Database(pulumi.ComponentResource):
    """Outputs: `url` (pooled), `direct_url`, `replica_url`, `master_secret_arn`, `identifiers` for the
    alarms.
    """

    def __init__(
        self,
        name: str,
        args: settings.Database,
        context: Context,
        *,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        pooler_group_id: pulumi.Input[str] | None,
        key_arn: pulumi.Input[str],
        insights_key_arn: pulumi.Input[str] | None,
        store_secret_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Database", name, None, opts)
        self._name, self._args, self._context = name, args, context
        self._key_arn, self._group_id, self._insights_key_arn = key_arn, group_id, insights_key_arn
        self._child = pulumi.ResourceOptions(parent=self)
        subnets = aws.rds.SubnetGroup(
            f"{name}-subnets",
            name=context.name("database"),
            description="The data tier",
            subnet_ids=list(subnet_ids),
            opts=self._child,
        )
        parameters = self._make_parameters()
        role = access.Role(
            f"{name}-monitoring-role",
            context.name("database-monitoring"),
            access.trust("monitoring.rds.amazonaws.com", context.account),
            self,
            managed={"rds": "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"},
        )
        self.primary = self._make_instance("primary", parameters, role, subnets.name)
        self.replicas = [
            self._make_instance(f"replica-{number}", parameters, role, None)
            for number in range(1, args.replicas + 1)
        ]
        self.identifiers = [context.name("primary")] + [
            context.name(f"replica-{number}") for number in range(1, args.replicas + 1)
        ]
        # RDS names the secret after the instance and adds a random end, so its ARN is known only afterwards.
        self.master_secret_arn = self.primary.master_user_secrets.apply(
            lambda found: (found[0].secret_arn or "") if found else ""
        )
        self.direct_url = self._url("store", self.primary.address)
        self.migrator_url = self._url("migrator", self.primary.address)
        self.replica_url = self._url("store", self.replicas[0].address) if self.replicas else None
        self.url = self.direct_url
        if pooler_group_id is not None:
            self.url = self._url("store", self._make_proxy(subnet_ids, pooler_group_id, store_secret_arn))
        self.register_outputs({"url": self.url})

    def _url(self, user: str, host: pulumi.Input[str]) -> pulumi.Output[str]:
        engine = self._args.engine
        return pulumi.Output.concat(
            f"{SCHEMES[engine]}://{user}@", host, f":{PORTS[engine]}/store?{TLS_OPTIONS[engine]}"
        )

    def _make_parameters(self) -> aws.rds.ParameterGroup:
        args, engine = self._args, self._args.engine
        major = args.version.split(".")[0] if engine == "postgres" else ".".join(args.version.split(".")[:2])
        wanted = {
            "postgres": {
                "rds.force_ssl": "1",
                "log_min_duration_statement": str(args.slow_query),
                "log_lock_waits": "1",
                "log_connections": "1",
                "log_disconnections": "1",
            },
            "mysql": {
                "require_secure_transport": "ON",
                "slow_query_log": "1",
                "long_query_time": str(args.slow_query / 1000),
                "log_output": "FILE",
            },
        }[engine]
        return aws.rds.ParameterGroup(
            f"{self._name}-parameters",
            name=self._context.name(f"{engine}{major.replace('.', '-')}"),
            family=f"{engine}{major}",
            description="TLS only; slow queries logged",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=key, value=value, apply_method="immediate")
                for key, value in wanted.items()
            ],
            opts=self._child,
        )

    def _make_instance(
        self,
        part: str,
        parameters: aws.rds.ParameterGroup,
        role: access.Role,
        subnet_group: pulumi.Input[str] | None,
    ) -> aws.rds.Instance:
        """Make the primary, or a replica when it has no subnet group of its own."""
        args, context = self._args, self._context
        primary = subnet_group is not None
        # MySQL has no Performance Insights on its smallest classes.
        insights = args.engine == "postgres" or not args.instance_class.endswith((".micro", ".small"))
        identifier = context.name(part)
        logs = [
            aws.cloudwatch.LogGroup(
                f"{self._name}-{part}-{log}-log",
                name=f"/aws/rds/instance/{identifier}/{log}",
                retention_in_days=args.log_days,
                kms_key_id=self._key_arn,
                opts=self._child,
            )
            for log in LOGS[args.engine]
        ]
        return aws.rds.Instance(
            f"{self._name}-{part}",
            identifier=identifier,
            engine=args.engine if primary else None,
            engine_version=args.version if primary else None,
            replicate_source_db=None if primary else self.primary.identifier,
            snapshot_identifier=args.snapshot_id if primary else None,
            instance_class=args.instance_class,
            db_name="store" if primary and args.snapshot_id is None else None,
            username=MASTER if primary and args.snapshot_id is None else None,
            manage_master_user_password=True if primary else None,
            master_user_secret_kms_key_id=self._key_arn if primary else None,
            allocated_storage=args.storage if primary else None,
            max_allocated_storage=args.storage_most,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=self._key_arn,
            multi_az=args.multi_az if primary else False,
            db_subnet_group_name=subnet_group,
            vpc_security_group_ids=[self._group_id],
            publicly_accessible=False,
            port=PORTS[args.engine],
            parameter_group_name=parameters.name,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            iam_database_authentication_enabled=True,
            # UTC, when shops in Europe and America are quietest; the backup comes before the maintenance.
            backup_retention_period=args.backup_days if primary else 0,
            backup_window="03:00-04:00" if primary else None,
            maintenance_window="sun:04:30-sun:05:30",
            copy_tags_to_snapshot=True,
            delete_automated_backups=not context.protect,
            deletion_protection=context.protect,
            skip_final_snapshot=not (context.protect and primary),
            final_snapshot_identifier=f"{identifier}-final" if context.protect and primary else None,
            auto_minor_version_upgrade=True,
            enabled_cloudwatch_logs_exports=list(LOGS[args.engine]),
            monitoring_interval=60,
            monitoring_role_arn=role.arn,
            performance_insights_enabled=insights,
            performance_insights_kms_key_id=self._insights_key_arn if insights else None,
            performance_insights_retention_period=7 if insights else None,
            apply_immediately=False,
            opts=context.stateful(self, depends_on=logs),
        )

    def _make_proxy(
        self,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        secret_arn: pulumi.Input[str],
    ) -> pulumi.Output[str]:
        """Make RDS Proxy in front of the primary and return its host name."""
        name, context = self._name, self._context
        role = access.Role(
            f"{name}-proxy-role",
            context.name("proxy"),
            access.trust("rds.amazonaws.com", context.account),
            self,
            [
                access.allow(["secretsmanager:GetSecretValue"], [secret_arn]),
                access.allow(
                    ["kms:Decrypt"],
                    [self._key_arn],
                    {"StringEquals": {"kms:ViaService": f"secretsmanager.{context.region}.amazonaws.com"}},
                ),
            ],
        )
        proxy = aws.rds.Proxy(
            f"{name}-proxy",
            name=context.name("proxy"),
            engine_family={"postgres": "POSTGRESQL", "mysql": "MYSQL"}[self._args.engine],
            role_arn=role.arn,
            require_tls=True,
            idle_client_timeout=1800,
            vpc_subnet_ids=list(subnet_ids),
            vpc_security_group_ids=[group_id],
            auths=[aws.rds.ProxyAuthArgs(auth_scheme="SECRETS", iam_auth="DISABLED", secret_arn=secret_arn)],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        targets = aws.rds.ProxyDefaultTargetGroup(
            f"{name}-proxy-pool",
            db_proxy_name=proxy.name,
            # A tenth of the connections stays for the release, the workers and a person with a psql.
            connection_pool_config=aws.rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs(
                max_connections_percent=90, max_idle_connections_percent=50, connection_borrow_timeout=5
            ),
            opts=self._child,
        )
        aws.rds.ProxyTarget(
            f"{name}-proxy-target",
            db_proxy_name=proxy.name,
            target_group_name=targets.name,
            db_instance_identifier=self.primary.identifier,
            opts=self._child,
        )
        return proxy.endpoint
