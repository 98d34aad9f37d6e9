"""The alarms as a table: what each watches, above or below what it goes off, and the runbook that says what
to do.

Pure: `monitoring.py` makes them.
"""

# ruff: noqa: E501 - one alarm reads in two lines

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from stacks.aws.context import EDGE_REGION


@dataclass(frozen=True)
class Alarm:
    """One alarm. `runbook` is the file that says what to do; `minutes` in a row make it go off."""

    name: str
    says: str
    runbook: str
    namespace: str
    metric: str
    threshold: float
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Average"
    above: bool = True
    minutes: int = 5
    missing: str = "notBreaching"
    region: str | None = None
    extended: bool = field(default=False, kw_only=True)


# fmt: off
def release_alarms(
    balancer: pulumi.Input[str], target_groups: Mapping[str, pulumi.Input[str]]
) -> list[Alarm]:
    """Return what a release watches: answers with an error, and slow ones. Dimensions are the ARNs' suffixes.
    """
    alarms = [
        Alarm("web-errors", "More than 10 answers a minute are errors of the store.", "web-errors",
              "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", 10, {"LoadBalancer": balancer}, "Sum", minutes=2),
        Alarm("web-slow", "One answer in twenty takes more than 1.5 seconds.", "web-slow",
              "AWS/ApplicationELB", "TargetResponseTime", 1.5, {"LoadBalancer": balancer}, "p95", extended=True),
    ]
    alarms += [
        Alarm(f"web-unhealthy-{color}", "A web task fails its health check.", "web-unhealthy", "AWS/ApplicationELB",
              "UnHealthyHostCount", 0, {"LoadBalancer": balancer, "TargetGroup": group}, "Maximum", minutes=3)
        for color, group in target_groups.items()
    ]
    return alarms


def store_alarms(cluster: str, services: Sequence[str], minimums: Mapping[str, int]) -> list[Alarm]:
    """Return the alarms of the ECS services."""
    alarms = []
    for service in services:
        at = {"ClusterName": cluster, "ServiceName": service}
        part = service.rsplit("-", 1)[-1]
        alarms += [
            Alarm(f"{part}-cpu", f"The {part} tasks' CPU is above 85 % and autoscaling has not helped.", "store-cpu",
                  "AWS/ECS", "CPUUtilization", 85, at, minutes=15),
            Alarm(f"{part}-memory", f"The {part} tasks' memory is above 90 %.", "store-memory",
                  "AWS/ECS", "MemoryUtilization", 90, at, "Maximum", minutes=10),
            Alarm(f"{part}-few", f"Fewer than {minimums[service]} {part} tasks run.", "store-few-tasks",
                  "ECS/ContainerInsights", "RunningTaskCount", minimums[service], at, "Minimum", above=False,
                  missing="breaching"),
        ]
    return alarms


def database_alarms(identifiers: Sequence[str], storage: int, proxy: str | None) -> list[Alarm]:
    """Return the alarms of the primary, its replicas and the proxy; `storage` in GiB."""
    alarms = []
    for row, identifier in enumerate(identifiers):
        at, part = {"DBInstanceIdentifier": identifier}, "primary" if row == 0 else f"replica-{row}"
        alarms += [
            Alarm(f"{part}-cpu", f"The {part}'s CPU is above 80 %.", "database-cpu",
                  "AWS/RDS", "CPUUtilization", 80, at, minutes=10),
            Alarm(f"{part}-storage", f"The {part} has less than a tenth of its first storage free.",
                  "database-storage", "AWS/RDS", "FreeStorageSpace", storage * 2**30 / 10, at, "Minimum", above=False),
            Alarm(f"{part}-memory", f"The {part} has less than 200 MiB of memory free.", "database-memory",
                  "AWS/RDS", "FreeableMemory", 200 * 2**20, at, "Minimum", above=False, minutes=10),
        ]
        if row:
            alarms.append(Alarm(f"{part}-lag", f"The {part} is more than 30 s behind.", "database-lag", "AWS/RDS",
                                "ReplicaLag", 30, at, "Maximum"))
    if proxy:
        alarms.append(Alarm("proxy-waits", "Requests wait more than a second for a database connection.",
                            "database-connections", "AWS/RDS", "DatabaseConnectionsBorrowLatency", 1_000_000,
                            {"ProxyName": proxy}, "Average"))
    return alarms


def cache_alarms(engine: str, nodes: Sequence[str]) -> list[Alarm]:
    """Return the alarms of each cache node."""
    alarms = []
    for number, node in enumerate(nodes, 1):
        at = {"CacheClusterId": node}
        alarms.append(Alarm(f"cache-{number}-cpu", "The cache's CPU is above 80 %.", "cache-cpu", "AWS/ElastiCache",
                            "CPUUtilization" if engine == "memcached" else "EngineCPUUtilization", 80, at))
        if engine == "memcached":
            alarms.append(Alarm(f"cache-{number}-evictions", "The cache throws out more than 1000 keys a minute.",
                                "cache-memory", "AWS/ElastiCache", "Evictions", 1000, at, "Sum"))
        else:
            alarms.append(Alarm(f"cache-{number}-memory", "The cache's memory is above 80 %; full, it refuses writes.",
                                "cache-memory", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", 80, at))
    return alarms


def edge_alarms(distributions: Mapping[str, pulumi.Input[str]], acls: Mapping[str, str]) -> list[Alarm]:
    """Return the alarms of CloudFront and its web ACLs, whose metrics are in us-east-1."""
    alarms = [
        Alarm(f"{part}-edge-errors", f"More than 2 % of the {part}'s answers are errors.", "edge-errors",
              "AWS/CloudFront", "5xxErrorRate", 2, {"DistributionId": distribution, "Region": "Global"},
              region=EDGE_REGION)
        for part, distribution in distributions.items()
    ]
    alarms += [
        Alarm(f"{part}-blocked", f"The {part}'s firewall blocks more than 1000 requests a minute.", "firewall-blocked",
              "AWS/WAFV2", "BlockedRequests", 1000, {"WebACL": acl, "Rule": "ALL"}, "Sum", region=EDGE_REGION)
        for part, acl in acls.items()
    ]
    return alarms


def backup_alarms(vault: str) -> list[Alarm]:
    """Return the alarm of a backup or a restore drill that failed."""
    return [
        Alarm(f"{kind}-failed", f"A {kind} job of AWS Backup failed.", "backup-failed", "AWS/Backup",
              f"NumberOf{kind.capitalize()}JobsFailed", 0, at, "Sum", minutes=1)
        for kind, at in (("backup", {"BackupVaultName": vault}), ("restore", {"ResourceType": "RDS"}))
    ]
# fmt: on
