"""Stories of the policies of identity."""

import json
from typing import Any

import pytest

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

GITHUB = "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"
SUBJECT = "token.actions.githubusercontent.com:sub"


def policy(action: Any, resource: Any = "arn:aws:s3:::media/*", **statement: Any) -> Resource:
    entry = {"Effect": "Allow", "Action": action, "Resource": resource, **statement}
    return made("aws:iam/policy:Policy", "own", policy=json.dumps({"Statement": [entry]}))


def role(condition: dict[str, Any] | None = None, principal: Any = None) -> Resource:
    statement = {
        "Effect": "Allow",
        "Principal": principal or {"Federated": GITHUB},
        "Action": "sts:AssumeRole",
    }
    if condition is not None:
        statement["Condition"] = condition
    return made("aws:iam/role:Role", "deploy", assumeRolePolicy=json.dumps({"Statement": [statement]}))


CASES: list[Case] = [
    kept("iam-least-privilege", "one action on one bucket", policy("s3:GetObject")),
    kept("iam-least-privilege", "denying everything", policy("*", "*", Effect="Deny")),
    kept(
        "iam-least-privilege",
        "a pinned pipeline",
        role({"StringEquals": {SUBJECT: "repo:shop/kit:environment:production"}}),
    ),
    kept("iam-least-privilege", "a service", role(principal={"Service": "ecs-tasks.amazonaws.com"})),
    breached("iam-least-privilege", "everything on everything", "* on *", policy("*", "*")),
    breached("iam-least-privilege", "every service", "*:* on", policy("*:*", "*")),
    breached("iam-least-privilege", "a whole service", "s3:* on", policy(["s3:GetObject", "s3:*"])),
    breached("iam-least-privilege", "everything but", "NotAction", policy("s3:GetObject", NotAction="iam:*")),
    breached(
        "iam-least-privilege",
        "the administrator's policy",
        "AdministratorAccess",
        made(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            policyArn="arn:aws:iam::aws:policy/AdministratorAccess",
        ),
    ),
    breached(
        "iam-least-privilege",
        "a policy inside the role",
        "* on *",
        made(
            "aws:iam/role:Role",
            inlinePolicies=[
                {
                    "name": "all",
                    "policy": json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
                }
            ],
        ),
    ),
    breached(
        "iam-least-privilege",
        "a policy given as an object",
        "sqs:*",
        made(
            "aws:iam/rolePolicy:RolePolicy",
            policy={"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]},
        ),
    ),
    breached("iam-least-privilege", "a role for anyone", "Principal", role(principal="*")),
    breached(
        "iam-least-privilege",
        "a pipeline of any repository",
        "repo:shop/*",
        role({"StringLike": {SUBJECT: "repo:shop/*"}}),
    ),
    breached(
        "iam-least-privilege",
        "a pipeline of any branch",
        "repo:shop/kit:*",
        role({"StringLike": {SUBJECT: "repo:shop/kit:*"}}),
    ),
    missing("iam-least-privilege", "a pipeline of anyone", "is not set", role()),
    missing(
        "iam-least-privilege",
        "a pipeline whose audience alone is checked",
        "is not set",
        role({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}),
    ),
    missing("iam-least-privilege", "no statement", None, made("aws:iam/policy:Policy", policy="{}")),
]


@stories(CASES)
def test_identity(case: Case) -> None:
    run(case)


@pytest.mark.parametrize(
    "subject",
    ["repo:shop/kit:ref:refs/heads/main", "repo:shop/kit:ref:refs/tags/v*", "repo:shop/kit:pull_request"],
)
def test_a_pipeline_may_be_pinned_to_a_ref(subject: str) -> None:
    run(kept("iam-least-privilege", subject, role({"StringLike": {SUBJECT: [subject]}})))
