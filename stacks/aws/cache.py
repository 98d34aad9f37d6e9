"""The cache: ElastiCache with Redis, Valkey or Memcached, TLS only.

Creates a subnet group, a parameter group with the eviction policy, and a replication group: encrypted at rest
and on the wire, with a password, failing over to a second node where there is one, copied once a day.
Memcached has neither passwords nor copies: it gets TLS and its own security group.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import Context

PORTS = {"redis": 6379, "valkey": 6379, "memcached": 11211}
VERSIONS = {"redis": ("7.1", "redis7"), "valkey": ("8.0", "valkey8"), "memcached": ("1.6.22", "memcached1.6")}


class Cache(pulumi.ComponentResource):
    """Outputs: `url` (no password in it) and `node_ids` for the alarms."""

    url: pulumi.Output[str]
    node_ids: list[str]

    def __init__(
        self,
        name: str,
        args: settings.Cache,
        context: Context,
        *,
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        own_key: bool,
        password: pulumi.Input[str],
        log_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Cache", name, None, opts)
        self._name, self._args, self._context, self._own_key = name, args, context, own_key
        self._child = pulumi.ResourceOptions(parent=self)
        self._version, family = VERSIONS[args.engine]
        self._subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets",
            name=context.name("cache"),
            description="The data tier",
            subnet_ids=list(subnet_ids),
            opts=self._child,
        )
        eviction = aws.elasticache.ParameterGroupParameterArgs(name="maxmemory-policy", value=args.eviction)
        self._parameters = aws.elasticache.ParameterGroup(
            f"{name}-parameters",
            name=context.name(family.replace(".", "-")),
            family=family,
            description=f"Eviction: {args.eviction}",
            parameters=[] if args.engine == "memcached" else [eviction],
            opts=self._child,
        )
        if args.engine == "memcached":
            self._make_memcached(group_id)
        else:
            self._make_group(group_id, key_arn, password, log_days)
        self.register_outputs({"url": self.url})

    def _make_group(
        self,
        group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        password: pulumi.Input[str],
        log_days: int,
    ) -> None:
        args, context = self._args, self._context
        identifier = context.name("cache", 40)
        slow_log = aws.cloudwatch.LogGroup(
            f"{self._name}-slow-log",
            name=f"/{context.prefix}/cache",
            retention_in_days=log_days,
            kms_key_id=key_arn,
            opts=self._child,
        )
        group = aws.elasticache.ReplicationGroup(
            f"{self._name}-group",
            replication_group_id=identifier,
            description="Sessions, carts, fragments and rate limits",
            engine=args.engine,
            engine_version=self._version,
            node_type=args.node_type,
            num_cache_clusters=args.nodes,
            automatic_failover_enabled=args.nodes > 1,
            multi_az_enabled=args.nodes > 1,
            port=PORTS[args.engine],
            parameter_group_name=self._parameters.name,
            subnet_group_name=self._subnets.name,
            security_group_ids=[group_id],
            at_rest_encryption_enabled=True,
            kms_key_id=key_arn if self._own_key else None,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=password,
            auth_token_update_strategy="ROTATE",  # noqa: S106 - no token, the way to change one
            auto_minor_version_upgrade=True,
            snapshot_retention_limit=args.snapshot_days,
            snapshot_window="02:00-03:00",
            maintenance_window="sun:05:00-sun:06:00",
            final_snapshot_identifier=f"{identifier}-final" if context.protect else None,
            log_delivery_configurations=[
                aws.elasticache.ReplicationGroupLogDeliveryConfigurationArgs(
                    destination=slow_log.name,
                    destination_type="cloudwatch-logs",
                    log_format="json",
                    log_type="slow-log",
                )
            ],
            apply_immediately=True,
            opts=context.stateful(self),
        )
        self.url = pulumi.Output.concat(
            "rediss://", group.primary_endpoint_address, f":{PORTS[args.engine]}/0"
        )
        self.node_ids = [f"{identifier}-{number:03d}" for number in range(1, args.nodes + 1)]

    def _make_memcached(self, group_id: pulumi.Input[str]) -> None:
        args, identifier = self._args, self._context.name("cache", 40)
        cluster = aws.elasticache.Cluster(
            f"{self._name}-cluster",
            cluster_id=identifier,
            engine="memcached",
            engine_version=self._version,
            node_type=args.node_type,
            num_cache_nodes=args.nodes,
            az_mode="cross-az" if args.nodes > 1 else "single-az",
            port=PORTS[args.engine],
            parameter_group_name=self._parameters.name,
            subnet_group_name=self._subnets.name,
            security_group_ids=[group_id],
            transit_encryption_enabled=True,
            auto_minor_version_upgrade="true",
            maintenance_window="sun:05:00-sun:06:00",
            apply_immediately=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = pulumi.Output.concat("memcacheds://", cluster.cluster_address, f":{PORTS[args.engine]}")
        self.node_ids = [identifier]
