"""Delivery: what GitHub's pipelines may do, without a long-lived key.

Creates (or adopts) the account's OIDC provider, and two roles: `plan` reads, and the repository's pull
requests take it; `apply` changes, and only the repository's GitHub environment of the stack's name may take
it, so GitHub's own approvals guard it. Neither may touch IAM beyond this stack's own roles.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context

ISSUER = "token.actions.githubusercontent.com"
READ_ROLES = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]
CHANGE_ROLES = [
    "iam:CreateRole", "iam:DeleteRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:TagRole",
    "iam:UntagRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    "iam:ListInstanceProfilesForRole",
]  # fmt: skip


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
        self.plan_role = access.make_role(
            f"{name}-plan",
            context.name("plan"),
            _trust(
                provider_arn,
                {"StringEquals": _audience() | {f"{ISSUER}:sub": f"repo:{args.repository}:pull_request"}},
            ),
            self,
            managed={"read": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        ).arn
        subject = f"repo:{args.repository}:environment:{context.stack}"
        self.apply_role = access.make_role(
            f"{name}-apply",
            context.name("apply"),
            _trust(provider_arn, {"StringEquals": _audience() | {f"{ISSUER}:sub": subject}}),
            self,
            [
                access.allow([*READ_ROLES, *CHANGE_ROLES], own),
                access.allow(
                    ["iam:PassRole"], own, {"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}
                ),
            ],
            managed={"change": "arn:aws:iam::aws:policy/PowerUserAccess"},
            # A first `up` with a database and two distributions takes the better part of an hour.
            max_session=7200,
        ).arn
        self.register_outputs({"plan_role": self.plan_role, "apply_role": self.apply_role})


def _audience() -> dict[str, str]:
    return {f"{ISSUER}:aud": "sts.amazonaws.com"}


def _trust(provider_arn: str, condition: dict[str, dict[str, str]]) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider_arn},
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
