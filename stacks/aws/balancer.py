"""The balancer: an internal ALB that only CloudFront reaches, through a VPC origin.

Creates the load balancer in the app subnets, its TLS 1.3 listener, one target group (two where a release
switches between them) and the rule that sends the shop's and the back office's hosts to them. Any other host
gets a 404. There is no port 80: CloudFront redirects, and nothing else can connect.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import Context
from stacks.aws.firewall import APP_PORT


class Balancer(pulumi.ComponentResource):
    """Outputs: `arn`, `dns_name`, `rule_arn`, and the target groups, the live one first."""

    def __init__(
        self,
        name: str,
        args: settings.Balancer,
        context: Context,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        certificate_arn: pulumi.Input[str],
        hosts: Sequence[str],
        target: str,
        switching: bool,
        logs_bucket: str,
        logs_ready: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`target` is `ip` for containers or `lambda`; `switching` makes the second target group."""
        super().__init__("storestack:aws:Balancer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.balancer = aws.lb.LoadBalancer(
            f"{name}-balancer",
            name=context.name("web", 32),
            internal=True,
            load_balancer_type="application",
            subnets=list(subnet_ids),
            security_groups=[group_id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=context.protect,
            enable_cross_zone_load_balancing=True,
            idle_timeout=args.idle_timeout,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(
                bucket=logs_bucket, prefix="balancer", enabled=args.logs
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs_ready]),
        )
        self.target_groups = [
            self._make_target_group(f"{name}-{color}", context.name(color, 32), args, target, vpc_id)
            for color in (("blue", "green") if switching else ("blue",))
        ]
        listener = aws.lb.Listener(
            f"{name}-https",
            load_balancer_arn=self.balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
            certificate_arn=certificate_arn,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="fixed-response",
                    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                        content_type="text/plain", message_body="No such host.", status_code="404"
                    ),
                )
            ],
            opts=child,
        )
        forward = aws.lb.ListenerRuleActionForwardArgs(
            target_groups=[
                aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=group.arn, weight=100 if row == 0 else 0)
                for row, group in enumerate(self.target_groups)
            ]
        )
        rule = aws.lb.ListenerRule(
            f"{name}-hosts",
            listener_arn=listener.arn,
            priority=10,
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=list(hosts))
                )
            ],
            actions=[
                aws.lb.ListenerRuleActionArgs(type="forward", forward=forward)
                if switching
                else aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=self.target_groups[0].arn)
            ],
            # During a switching release ECS moves the weights; the program must not move them back.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["actions"] if switching else None),
        )
        self.arn, self.dns_name, self.rule = self.balancer.arn, self.balancer.dns_name, rule
        self.dimension = self.balancer.arn_suffix
        self.register_outputs({"dns_name": self.dns_name})

    def _make_target_group(
        self, name: str, full_name: str, args: settings.Balancer, target: str, vpc_id: pulumi.Input[str]
    ) -> aws.lb.TargetGroup:
        check = aws.lb.TargetGroupHealthCheckArgs(
            enabled=True,
            path="/health/ready",
            matcher="200",
            interval=10 if target == "ip" else 35,
            timeout=5 if target == "ip" else 30,
            healthy_threshold=2,
            unhealthy_threshold=3,
        )
        options = pulumi.ResourceOptions(parent=self)
        if target == "lambda":
            return aws.lb.TargetGroup(
                name, name=full_name, target_type="lambda", health_check=check, opts=options
            )
        return aws.lb.TargetGroup(
            name,
            name=full_name,
            target_type="ip",
            port=APP_PORT,
            protocol="HTTP",
            vpc_id=vpc_id,
            deregistration_delay=args.drain,
            slow_start=args.slow_start,
            health_check=check,
            opts=options,
        )
