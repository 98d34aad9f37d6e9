"""How many tasks of a service run: by CPU, by requests per target, and by the sales' scheduled changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from stacks.aws import sales
from stacks.aws.balancer import Balancer
from stacks.aws.context import Context
from stacks.aws.settings import AwsSettings

Metric = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs


@dataclass(frozen=True)
class Scaled:
    """A service, and between how many tasks it moves."""

    part: str
    service: pulumi.Output[str]
    cluster: str
    minimum: int
    maximum: int


def scale(
    name: str,
    scaled: Scaled,
    settings: AwsSettings,
    context: Context,
    balancer: Balancer | None,
    *,
    parent: pulumi.Resource,
) -> None:
    """Make the scaling of one service; with a balancer, by the requests of its one target group as well."""
    args, now, part = settings.store, settings.now, scaled.part
    at: dict[str, Any] = {
        "service_namespace": "ecs",
        "scalable_dimension": "ecs:service:DesiredCount",
        "resource_id": scaled.service.apply(lambda known: f"service/{scaled.cluster}/{known}"),
    }
    target = aws.appautoscaling.Target(
        f"{name}-{part}-scaling",
        min_capacity=sales.minimum_now(args.sales, args.sale_lead, part, scaled.minimum, now),
        max_capacity=scaled.maximum,
        **at,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    after = pulumi.ResourceOptions(parent=parent, depends_on=[target])
    metrics: dict[str, tuple[float, Any]] = {
        "cpu": (args.cpu_target, Metric(predefined_metric_type="ECSServiceAverageCPUUtilization"))
    }
    if balancer is not None:
        label = pulumi.Output.concat(balancer.dimension, "/", balancer.target_groups[0].arn_suffix)
        requests = Metric(predefined_metric_type="ALBRequestCountPerTarget", resource_label=label)
        metrics["requests"] = (args.requests_per_target, requests)
    for kind, (wanted, metric) in metrics.items():
        aws.appautoscaling.Policy(
            f"{name}-{part}-{kind}",
            name=context.name(f"{part}-{kind}", 255),
            policy_type="TargetTrackingScaling",
            # Out fast, in slowly: a sale's second wave comes sooner than a task starts.
            target_tracking_scaling_policy_configuration=aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                target_value=wanted,
                scale_out_cooldown=30,
                scale_in_cooldown=300,
                predefined_metric_specification=metric,
            ),
            **at,
            opts=after,
        )
    for change in sales.changes(args.sales, args.sale_lead, part, scaled.minimum, now):
        aws.appautoscaling.ScheduledAction(
            f"{name}-{part}-{change.name}",
            name=context.name(f"{part}-{change.name}", 255),
            schedule=change.schedule,
            timezone="UTC",
            scalable_target_action=aws.appautoscaling.ScheduledActionScalableTargetActionArgs(
                min_capacity=change.minimum, max_capacity=scaled.maximum
            ),
            **at,
            opts=after,
        )
