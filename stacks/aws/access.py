"""IAM in few words: statements, who may take a role, and roles with exactly the statements they need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

Statement = dict[str, Any]


def allow(
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    conditions: Mapping[str, Any] | None = None,
) -> Statement:
    """Return a statement that allows the actions on the resources."""
    statement: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return statement | ({"Condition": dict(conditions)} if conditions else {})


def grant(
    service: str, actions: Sequence[str], resource: str, conditions: Mapping[str, Any] | None
) -> Statement:
    """Return a statement of a resource's own policy that lets an AWS service act on it."""
    return allow(actions, [], conditions) | {"Principal": {"Service": service}, "Resource": resource}


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """Return the policy document as JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


# The services known to say on whose behalf they take a role; the others would be refused by the condition.
SAY_ACCOUNT = frozenset(
    f"{name}.amazonaws.com" for name in ("ecs-tasks", "monitoring.rds", "scheduler", "vpc-flow-logs")
)


def trust(service: str, account: str) -> str:
    """Return the trust policy that lets `service` take a role, for this account only where it says so."""
    statement: Statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if service in SAY_ACCOUNT:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Role(pulumi.ComponentResource):
    """A role with one inline policy of `statements`, and AWS's own policies `managed` (short name to ARN).

    A component, so that what depends on it waits for its policies as well. Output: `arn`.
    """

    def __init__(
        self,
        name: str,
        full_name: str,
        trust_policy: pulumi.Input[str],
        parent: pulumi.Resource,
        statements: Sequence[Statement] = (),
        *,
        managed: Mapping[str, str] | None = None,
        max_session: int = 3600,
    ) -> None:
        super().__init__("storestack:aws:Role", name, None, pulumi.ResourceOptions(parent=parent))
        options = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=full_name,
            assume_role_policy=trust_policy,
            max_session_duration=max_session,
            opts=options,
        )
        self.arn = role.arn
        if statements:
            aws.iam.RolePolicy(
                f"{name}-policy", name="own", role=role.name, policy=document(statements), opts=options
            )
        for short, arn in (managed or {}).items():
            aws.iam.RolePolicyAttachment(f"{name}-{short}", role=role.name, policy_arn=arn, opts=options)
        self.register_outputs({"arn": self.arn})
