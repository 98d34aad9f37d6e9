"""The firewall: who may speak to whom inside, and which requests reach the shop at all.

Creates one security group per tier (balancer, app, pooler, database, cache), each open only to the tier
before it, and two web ACLs for CloudFront: the shop's, with AWS's managed rules and a rate limit, and the
back office's, which lets nobody in but the allow-list. Both log what they blocked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import EDGE_REGION, Context

APP_PORT = 8000

# AWS's rule groups, cheapest refusal first. The size rule only counts: uploads of media exceed it.
MANAGED_RULES: Sequence[tuple[str, Sequence[str]]] = (
    ("AWSManagedRulesAmazonIpReputationList", ()),
    ("AWSManagedRulesKnownBadInputsRuleSet", ()),
    ("AWSManagedRulesCommonRuleSet", ("SizeRestrictions_BODY",)),
    ("AWSManagedRulesSQLiRuleSet", ()),
)


# SDK names this long are given short ones here.
_Action = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseArgs
_Count = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideActionToUseCountArgs
COUNT = _Action(count=_Count())
# Any: the SDK leaves this constructor untyped.
_Nothing: Any = aws.wafv2.WebAclRuleOverrideActionNoneArgs
NOTHING = _Nothing()


class Firewall(pulumi.ComponentResource):
    """Outputs: the security groups' ids by tier, and the ARNs of the two web ACLs."""

    def __init__(
        self,
        name: str,
        args: settings.Firewall,
        context: Context,
        *,
        vpc_id: pulumi.Input[str],
        cdn_prefix_list: str,
        data_ports: dict[str, int],
        edge_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`data_ports` names the data tiers behind the app and the port of each; `pooler` also reaches
        `database`.
        """
        super().__init__("storestack:aws:Firewall", name, None, opts)
        self._name, self._context, self._args = name, context, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.groups = {
            tier: aws.ec2.SecurityGroup(
                f"{name}-{tier}",
                vpc_id=vpc_id,
                name=context.name(tier),
                description=f"The {tier} tier",
                revoke_rules_on_delete=True,
                tags={"Name": context.name(tier)},
                opts=self._child,
            )
            for tier in ("app", *data_ports)
        }
        self.groups["balancer"] = self._make_balancer_group(vpc_id, cdn_prefix_list)
        self._let_in("balancer", "app", APP_PORT)
        for tier, port in data_ports.items():
            self._open("app", tier, port)
        if "pooler" in data_ports:
            self._open("pooler", "database", data_ports["database"])
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-app-out",
            security_group_id=self.groups["app"].id,
            description="HTTPS to AWS, the payment gateway and the marketplaces",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child,
        )
        self.shop_acl = self._make_acl(
            "shop",
            aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            [self._rate_rule()],
        )
        self.back_office_acl = self._make_acl(
            "back-office",
            aws.wafv2.WebAclDefaultActionArgs(block=aws.wafv2.WebAclDefaultActionBlockArgs()),
            [self._rate_rule()],
            self._allow_rules(),
        )
        if args.logs:
            self._log("shop", self.shop_acl, edge_key_arn)
            self._log("back-office", self.back_office_acl, edge_key_arn)
        self.register_outputs({"shop_acl": self.shop_acl.arn, "back_office_acl": self.back_office_acl.arn})

    def group_id(self, tier: str) -> pulumi.Output[str]:
        return self.groups[tier].id

    def _make_balancer_group(self, vpc_id: pulumi.Input[str], prefix_list: str) -> aws.ec2.SecurityGroup:
        """The CDN's addresses are one managed list, which fills most of a group's quota: it is named once."""
        return aws.ec2.SecurityGroup(
            f"{self._name}-balancer",
            vpc_id=vpc_id,
            name=self._context.name("balancer"),
            description="The balancer tier",
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    description="HTTPS from CloudFront",
                    prefix_list_ids=[prefix_list],
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                )
            ],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    description="To the app tier",
                    security_groups=[self.groups["app"].id],
                    protocol="tcp",
                    from_port=APP_PORT,
                    to_port=APP_PORT,
                )
            ],
            revoke_rules_on_delete=True,
            tags={"Name": self._context.name("balancer")},
            opts=self._child,
        )

    def _open(self, source: str, target: str, port: int) -> None:
        """Let `source` connect to `target`: a rule on both sides, since neither allows anything by itself."""
        self._let_in(source, target, port)
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{source}-to-{target}",
            security_group_id=self.groups[source].id,
            referenced_security_group_id=self.groups[target].id,
            description=f"To the {target} tier",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self._child,
        )

    def _let_in(self, source: str, target: str, port: int) -> None:
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-{target}-from-{source}",
            security_group_id=self.groups[target].id,
            referenced_security_group_id=self.groups[source].id,
            description=f"From the {source} tier",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=self._child,
        )

    def _metrics(self, part: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
        return aws.wafv2.WebAclRuleVisibilityConfigArgs(
            cloudwatch_metrics_enabled=True, metric_name=part, sampled_requests_enabled=True
        )

    def _rate_rule(self) -> aws.wafv2.WebAclRuleArgs:
        return aws.wafv2.WebAclRuleArgs(
            name="rate",
            priority=0,
            action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
            statement=aws.wafv2.WebAclRuleStatementArgs(
                rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                    limit=self._args.rate_limit, aggregate_key_type="IP", evaluation_window_sec=300
                )
            ),
            visibility_config=self._metrics("rate"),
        )

    def _managed_rules(self) -> list[aws.wafv2.WebAclRuleArgs]:
        return [
            aws.wafv2.WebAclRuleArgs(
                name=group,
                priority=10 + row,
                override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=NOTHING),
                statement=aws.wafv2.WebAclRuleStatementArgs(
                    managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                        vendor_name="AWS",
                        name=group,
                        rule_action_overrides=[
                            aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementRuleActionOverrideArgs(
                                name=rule,
                                action_to_use=COUNT,
                            )
                            for rule in counted
                        ],
                    )
                ),
                visibility_config=self._metrics(group),
            )
            for row, (group, counted) in enumerate(MANAGED_RULES)
        ]

    def _allow_rules(self) -> list[aws.wafv2.WebAclRuleArgs]:
        """After the managed rules, so that an office's address is no way round them."""
        rules = []
        for version in (4, 6):
            addresses = [
                item for item in self._args.back_office_allow if ipaddress.ip_network(item).version == version
            ]
            if not addresses:
                continue
            allowed = aws.wafv2.IpSet(
                f"{self._name}-back-office-v{version}",
                name=self._context.name(f"back-office-v{version}"),
                region=EDGE_REGION,
                scope="CLOUDFRONT",
                ip_address_version=f"IPV{version}",
                addresses=addresses,
                opts=self._child,
            )
            rules.append(
                aws.wafv2.WebAclRuleArgs(
                    name=f"office-v{version}",
                    priority=50 + version,
                    action=aws.wafv2.WebAclRuleActionArgs(allow=aws.wafv2.WebAclRuleActionAllowArgs()),
                    statement=aws.wafv2.WebAclRuleStatementArgs(
                        ip_set_reference_statement=aws.wafv2.WebAclRuleStatementIpSetReferenceStatementArgs(
                            arn=allowed.arn
                        )
                    ),
                    visibility_config=self._metrics(f"office-v{version}"),
                )
            )
        return rules

    def _make_acl(
        self,
        part: str,
        default: aws.wafv2.WebAclDefaultActionArgs,
        first: Sequence[aws.wafv2.WebAclRuleArgs],
        last: Sequence[aws.wafv2.WebAclRuleArgs] = (),
    ) -> aws.wafv2.WebAcl:
        return aws.wafv2.WebAcl(
            f"{self._name}-{part}",
            name=self._context.name(part),
            region=EDGE_REGION,
            scope="CLOUDFRONT",
            description=f"What reaches the {part}",
            default_action=default,
            rules=[*first, *self._managed_rules(), *last],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True,
                metric_name=self._context.name(part),
                sampled_requests_enabled=True,
            ),
            opts=self._child,
        )

    def _log(self, part: str, acl: aws.wafv2.WebAcl, edge_key_arn: pulumi.Input[str]) -> None:
        # WAF takes only log groups whose name begins so.
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-{part}-logs",
            name=f"aws-waf-logs-{self._context.name(part)}",
            region=EDGE_REGION,
            retention_in_days=self._args.log_days,
            kms_key_id=edge_key_arn,
            opts=self._child,
        )
        aws.wafv2.WebAclLoggingConfiguration(
            f"{self._name}-{part}-logging",
            region=EDGE_REGION,
            resource_arn=acl.arn,
            log_destination_configs=[group.arn],
            redacted_fields=[
                aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(
                        name=header
                    )
                )
                for header in ("authorization", "cookie")
            ],
            opts=self._child,
        )
