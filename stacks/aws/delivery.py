"""Delivery: what GitHub's pipelines may do, without a long-lived key.

Creates (or adopts) the account's OIDC provider, and two roles: `plan` reads, and the repository's pull
requests take it, and its branch `main` each night to look for drift; `apply` changes, and only the
repository's GitHub environment of the stack's name may take it, so GitHub's own approvals guard it. Neither
may touch IAM beyond this stack's own roles.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context

ISSUER = "token.actions.githubusercontent.com"
PLAN_SUBJECTS = ["pull_request", "ref:refs/heads/main"]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
READ_ROLES = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]
# The policies outside service-role/ that this program attaches.
ATTACHED = [
    READ_ONLY,
    "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers",
    "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
]
CHANGE_ROLES = [
    f"iam:{verb}"
    for verb in (
        *("CreateRole", "DeleteRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy"),
        *("TagRole", "UntagRole", "PutRolePolicy", "DeleteRolePolicy", "DetachRolePolicy"),
        "ListInstanceProfilesForRole",
    )
]
# What `up` and `destroy` call beyond reading: whole families of verbs, but of no service all of them.
CHANGES = {
    "acm": "Request Delete Add Remove Update",
    "application-autoscaling": "Register Deregister Put Delete Tag Untag",
    "backup": "Create Update Delete Put Tag Untag",
    "budgets": "Modify Tag Untag",
    "cassandra": "Create Alter Drop Tag Untag",
    "cloudfront": "Create Update Delete Tag Untag",
    "cloudtrail": "Create Update Delete Start Put Add Remove",
    "cloudwatch": "Put Delete Tag Untag",
    "dynamodb": "Create Update Delete Tag Untag",
    "ec2": "Create Delete Modify Attach Detach Associate Disassociate Authorize Revoke Allocate Release",
    "ecr": "Create Delete Put Set Start Tag Untag Initiate Upload Complete BatchCheck GetAuthorization",
    "ecs": "Create Update Delete Register Deregister Put Run Stop Tag Untag",
    "elasticache": "Create Modify Delete Add Remove Increase Decrease",
    "elasticloadbalancing": "Create Modify Delete Set Add Remove Register Deregister",
    "guardduty": "Create Update Delete Tag Untag",
    "kms": "Create Put Enable Update Tag Untag Schedule Cancel Delete Generate Decrypt Encrypt",
    "lambda": "Create Update Delete Publish Put Add Remove Tag Untag",
    "logs": "Create Put Delete Associate Disassociate Tag Untag",
    "rds": "Create Modify Delete Add Remove Register Deregister Restore Reboot",
    "route53": "Create Change Delete",
    "s3": "Create DeleteBucket Put",
    "scheduler": "Create Update Delete Tag Untag",
    "secretsmanager": "Create Update Delete Put Restore Tag Untag GetRandom",
    "sns": "Create Set Delete Subscribe Unsubscribe Tag Untag",
    "ssm": "Put Delete Add Remove",
    "wafv2": "Create Update Delete Put Tag Untag",
}


class Delivery(pulumi.ComponentResource):
    """Outputs: `plan_role` and `apply_role`, their ARNs."""

    def __init__(
        self, name: str, args: settings.Delivery, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:aws:Delivery", name, None, opts)
        provider_arn = context.arn("iam", f"oidc-provider/{ISSUER}", "")
        if args.oidc_provider == "make":
            aws.iam.OpenIdConnectProvider(
                f"{name}-github",
                url=f"https://{ISSUER}",
                client_id_lists=["sts.amazonaws.com"],
                opts=pulumi.ResourceOptions(parent=self, protect=context.protect),
            )
        own = [context.arn("iam", f"role/{context.prefix}-*", "")]
        self.plan_role = access.Role(
            f"{name}-plan",
            context.name("plan"),
            _trust(provider_arn, [f"repo:{args.repository}:{subject}" for subject in PLAN_SUBJECTS]),
            self,
            managed={"read": READ_ONLY},
        ).arn
        self.apply_role = access.Role(
            f"{name}-apply",
            context.name("apply"),
            _trust(provider_arn, f"repo:{args.repository}:environment:{context.stack}"),
            self,
            _changes(context, own),
            managed={"read": READ_ONLY},
            # A first `up` with a database and two distributions takes the better part of an hour.
            max_session=7200,
        ).arn
        self.register_outputs({"plan_role": self.plan_role, "apply_role": self.apply_role})


def _changes(context: Context, own: list[str]) -> list[access.Statement]:
    """Return what `apply` may do: change these services, read its own secrets, and manage its own roles.

    A role may get AWS's policies for services only, so a pipeline can't make itself an administrator by
    attaching.
    """
    return [
        access.allow(
            [f"{service}:{verb}*" for service, verbs in CHANGES.items() for verb in verbs.split()], ["*"]
        ),
        access.allow(
            ["secretsmanager:GetSecretValue"], [context.arn("secretsmanager", f"secret:{context.prefix}/*")]
        ),
        access.allow(
            ["ssm:GetParameter", "ssm:GetParameters"], [context.arn("ssm", f"parameter/{context.prefix}/*")]
        ),
        access.allow([*READ_ROLES, *CHANGE_ROLES], own),
        access.allow(
            ["iam:AttachRolePolicy"],
            own,
            {"ArnLike": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/service-role/*", *ATTACHED]}},
        ),
        access.allow(["iam:PassRole"], own, {"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}),
    ]


def _trust(provider_arn: str, subject: str | list[str]) -> str:
    """Return who may take a role: GitHub's tokens for AWS with this subject, or one of these."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider_arn},
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
