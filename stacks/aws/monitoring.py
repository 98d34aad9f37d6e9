"""Monitoring: topics that tell people, alarms that each name a runbook, one dashboard, and the account's records.

`Alerts` makes the SNS topics (one in the stack's region, one in us-east-1 for CloudFront's metrics) and the alarms
that a release watches. `Monitoring` makes the others, the dashboard, and, where the account has none, CloudTrail and
GuardDuty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import EDGE_REGION, Context


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


class Alerts(pulumi.ComponentResource):
    """Outputs: `topic_arn`, and `edge_topic_arn` in us-east-1."""

    def __init__(
        self,
        name: str,
        args: settings.Monitoring,
        context: Context,
        *,
        key_arn: pulumi.Input[str],
        edge_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Alerts", name, None, opts)
        self._name, self._args, self._context = name, args, context
        self.topic_arn = self._make_topic("alarms", context.region, key_arn)
        self.edge_topic_arn = self._make_topic("edge-alarms", EDGE_REGION, edge_key_arn)
        self.register_outputs({"topic_arn": self.topic_arn})

    def _make_topic(self, part: str, region: str, key_arn: pulumi.Input[str]) -> pulumi.Output[str]:
        context, child = self._context, pulumi.ResourceOptions(parent=self)
        full_name = context.name(part)
        topic = aws.sns.Topic(
            f"{self._name}-{part}", name=full_name, region=region, kms_master_key_id=key_arn, opts=child
        )
        statements = [
            access.grant(
                f"{service}.amazonaws.com",
                ["sns:Publish"],
                context.arn("sns", full_name, region),
                {"StringEquals": {"aws:SourceAccount": context.account}},
            )
            for service in ("cloudwatch", "budgets", "events", "backup")
        ]
        aws.sns.TopicPolicy(
            f"{self._name}-{part}-policy", arn=topic.arn, region=region, policy=access.document(statements), opts=child
        )
        aws.sns.TopicSubscription(
            f"{self._name}-{part}-mail",
            topic=topic.arn,
            region=region,
            protocol="email",
            endpoint=self._args.email,
            opts=child,
        )
        return topic.arn

    def make_alarm(self, alarm: Alarm, parent: pulumi.Resource) -> aws.cloudwatch.MetricAlarm:
        """Make the alarm; it tells the topic of its region when it goes off and when it is over."""
        topic = self.edge_topic_arn if alarm.region == EDGE_REGION else self.topic_arn
        return aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            name=self._context.name(alarm.name, 255),
            region=alarm.region or self._context.region,
            alarm_description=f"{alarm.says} Runbook: {self._args.runbooks}/{alarm.runbook}.md",
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=dict(alarm.dimensions),
            statistic=None if alarm.extended else alarm.statistic,
            extended_statistic=alarm.statistic if alarm.extended else None,
            comparison_operator="GreaterThanThreshold" if alarm.above else "LessThanThreshold",
            threshold=alarm.threshold,
            period=60,
            evaluation_periods=alarm.minutes,
            datapoints_to_alarm=alarm.minutes,
            treat_missing_data=alarm.missing,
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=pulumi.ResourceOptions(parent=parent),
        )


def release_alarms(balancer: pulumi.Input[str], target_groups: Mapping[str, pulumi.Input[str]]) -> list[Alarm]:
    """Return what a release watches: answers with an error, and slow ones. Dimensions are the ARNs' suffixes."""
    alarms = [
        Alarm("web-errors", "More than 10 answers a minute are errors of the store.", "web-errors",
              "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", 10, {"LoadBalancer": balancer}, "Sum", minutes=2),
        Alarm("web-slow", "One answer in twenty takes more than 1.5 seconds.", "web-slow",
              "AWS/ApplicationELB", "TargetResponseTime", 1.5, {"LoadBalancer": balancer}, "p95", extended=True),
    ]  # fmt: skip
    alarms += [
        Alarm(f"web-unhealthy-{color}", "A web task fails its health check.", "web-unhealthy", "AWS/ApplicationELB",
              "UnHealthyHostCount", 0, {"LoadBalancer": balancer, "TargetGroup": group}, "Maximum", minutes=3)
        for color, group in target_groups.items()
    ]  # fmt: skip
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
        ]  # fmt: skip
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
        ]  # fmt: skip
        if row:
            alarms.append(Alarm(f"{part}-lag", f"The {part} is more than 30 s behind.", "database-lag", "AWS/RDS",
                                "ReplicaLag", 30, at, "Maximum"))  # fmt: skip
    if proxy:
        alarms.append(Alarm("proxy-waits", "Requests wait more than a second for a database connection.",
                            "database-connections", "AWS/RDS", "DatabaseConnectionsBorrowLatency", 1_000_000,
                            {"ProxyName": proxy}, "Average"))  # fmt: skip
    return alarms


def cache_alarms(engine: str, nodes: Sequence[str]) -> list[Alarm]:
    """Return the alarms of each cache node."""
    alarms = []
    for number, node in enumerate(nodes, 1):
        at = {"CacheClusterId": node}
        alarms.append(Alarm(f"cache-{number}-cpu", "The cache's CPU is above 80 %.", "cache-cpu", "AWS/ElastiCache",
                            "CPUUtilization" if engine == "memcached" else "EngineCPUUtilization", 80, at))  # fmt: skip
        if engine == "memcached":
            alarms.append(Alarm(f"cache-{number}-evictions", "The cache throws out more than 1000 keys a minute.",
                                "cache-memory", "AWS/ElastiCache", "Evictions", 1000, at, "Sum"))  # fmt: skip
        else:
            alarms.append(Alarm(f"cache-{number}-memory", "The cache's memory is above 80 %; full, it refuses writes.",
                                "cache-memory", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", 80, at))  # fmt: skip
    return alarms


def edge_alarms(distributions: Mapping[str, pulumi.Input[str]], acls: Mapping[str, str]) -> list[Alarm]:
    """Return the alarms of CloudFront and its web ACLs, whose metrics are in us-east-1."""
    alarms = [
        Alarm(f"{part}-edge-errors", f"More than 2 % of the {part}'s answers are errors.", "edge-errors",
              "AWS/CloudFront", "5xxErrorRate", 2, {"DistributionId": distribution, "Region": "Global"},
              region=EDGE_REGION)
        for part, distribution in distributions.items()
    ]  # fmt: skip
    alarms += [
        Alarm(f"{part}-blocked", f"The {part}'s firewall blocks more than 1000 requests a minute.", "firewall-blocked",
              "AWS/WAFV2", "BlockedRequests", 1000, {"WebACL": acl, "Rule": "ALL"}, "Sum", region=EDGE_REGION)
        for part, acl in acls.items()
    ]  # fmt: skip
    return alarms


def backup_alarms(vault: str) -> list[Alarm]:
    """Return the alarm of a backup or a restore drill that failed."""
    return [
        Alarm(f"{kind}-failed", f"A {kind} job of AWS Backup failed.", "backup-failed", "AWS/Backup",
              f"NumberOf{kind.capitalize()}JobsFailed", 0, at, "Sum", minutes=1)
        for kind, at in (("backup", {"BackupVaultName": vault}), ("restore", {"ResourceType": "RDS"}))
    ]  # fmt: skip


class Monitoring(pulumi.ComponentResource):
    """Outputs: `dashboard_url`."""

    def __init__(
        self,
        name: str,
        args: settings.Monitoring,
        context: Context,
        *,
        alerts: Alerts,
        alarms: Sequence[Alarm],
        key_arn: pulumi.Input[str],
        logs_bucket: str,
        logs_ready: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        made = {alarm.name: alerts.make_alarm(alarm, self) for alarm in alarms}
        full_name = context.name("store")
        aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=full_name,
            dashboard_body=pulumi.Output.all(**{key: alarm.arn for key, alarm in made.items()}).apply(
                lambda arns: json.dumps(dashboard(context, alarms, arns))
            ),
            opts=child,
        )
        self.dashboard_url = (
            f"https://{context.region}.console.aws.amazon.com/cloudwatch/home"
            f"?region={context.region}#dashboards/dashboard/{full_name}"
        )
        if args.trail == "make":
            aws.cloudtrail.Trail(
                f"{name}-trail",
                name=context.name("trail"),
                s3_bucket_name=logs_bucket,
                s3_key_prefix="trail",
                is_multi_region_trail=True,
                include_global_service_events=True,
                enable_log_file_validation=True,
                enable_logging=True,
                kms_key_id=key_arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[logs_ready], protect=context.protect),
            )
        if args.guardduty == "make":
            aws.guardduty.Detector(f"{name}-guardduty", enable=True, opts=child)
        self.register_outputs({"dashboard_url": self.dashboard_url})


def dashboard(context: Context, alarms: Sequence[Alarm], arns: Mapping[str, str]) -> dict[str, object]:
    """Return the dashboard: every alarm's state on top, then one graph per alarm with static dimensions."""
    status = {
        "type": "alarm",
        "x": 0, "y": 0, "width": 24, "height": 4,
        "properties": {"title": context.prefix, "alarms": [arns[alarm.name] for alarm in alarms]},
    }  # fmt: skip
    graphs = [
        {
            "type": "metric",
            "x": 8 * (row % 3), "y": 4 + 6 * (row // 3), "width": 8, "height": 6,
            "properties": {
                "title": alarm.says,
                "region": alarm.region or context.region,
                "annotations": {"alarms": [arns[alarm.name]]},
                "view": "timeSeries",
            },
        }
        for row, alarm in enumerate(alarms)
    ]  # fmt: skip
    return {"widgets": [status, *graphs]}
