"""Monitoring: topics that tell people, alarms that each name a runbook, one dashboard, and the account's
records.

`Alerts` makes the SNS topics (one in the stack's region, one in us-east-1 for CloudFront's metrics) and the
alarms that a release watches. `Monitoring` makes the others, the dashboard, and, where the account has none,
CloudTrail and GuardDuty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.alarms import Alarm
from stacks.aws.context import EDGE_REGION, Context


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
            f"{self._name}-{part}-policy",
            arn=topic.arn,
            region=region,
            policy=access.document(statements),
            opts=child,
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
