"""Policies of identity: what IAM roles may do, and who may take them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies import documents
from policies.graph import Resource
from policies.rules import Finding, Findings, Level, Policy, Severity, Words

ROLE = "aws:iam/role:Role"
DOCUMENTS = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
ATTACHMENTS = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
SERVICE_WILDCARD = re.compile(r"^[a-z0-9*?-]+:[*?]+$", re.IGNORECASE)
# AWS's own policies that hold a service's every action, or every service's.
BROAD_POLICY = re.compile(
    r":aws:policy/(.*/)?(AdministratorAccess[\w-]*|PowerUserAccess|SystemAdministrator|\w*FullAccess(_?[vV]\d)?)$"
)
# What the subject of a pipeline's token must look like: one repository, and one of its refs or environments.
PINNED_SUBJECTS = {
    "token.actions.githubusercontent.com": re.compile(
        r"^repo:[^/:*?]+/[^/:*?]+:(environment:[^*?]+|ref:refs/(heads|tags)/[^*?]+\*?|pull_request)$"
    ),
    "gitlab": re.compile(r"^project_path:[^:*?]+/[^:*?]+:ref_type:(branch|tag):ref:[^*?]+\*?$"),
}

LEAST_PRIVILEGE = Policy(
    number="60",
    id="iam-least-privilege",
    rule="Grant single actions, and pin what may take a role",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("IAM.1", "IAM.21"),
    pci=("7.2.1",),
    checkov=("CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_393"),
    mend="List the actions that are called, and the ARNs they are called on",
)


def judge_grants(path: str, document: Mapping[str, Any]) -> Iterator[Finding]:
    for index, statement in enumerate(documents.statements(document, "Allow")):
        place = f"{path}.Statement[{statement.get('Sid', index)}]"
        if "NotAction" in statement:
            yield Finding(f"{place}.NotAction", documents.listed(statement["NotAction"]))
        if "NotResource" in statement:
            yield Finding(f"{place}.NotResource", documents.listed(statement["NotResource"]))
        for action in documents.listed(statement.get("Action")):
            if isinstance(action, str) and (set(action) == {"*"} or SERVICE_WILDCARD.match(action)):
                resources = ", ".join(str(item) for item in documents.listed(statement.get("Resource")))
                yield Finding(f"{place}.Action", Words(f"{action} on {resources}"))


@LEAST_PRIVILEGE.check(*DOCUMENTS)
def find_wildcards(policy: Resource) -> Findings:
    yield from judge_grants("policy", documents.read(policy, "policy"))


@LEAST_PRIVILEGE.check(*ATTACHMENTS)
def find_broad_attachments(attachment: Resource) -> Findings:
    arn = attachment.get("policyArn", "")
    if BROAD_POLICY.search(arn):
        yield Finding("policyArn", arn)


@LEAST_PRIVILEGE.check(ROLE)
def find_broad_roles(role: Resource) -> Findings:
    for _, arn in role.items("managedPolicyArns"):
        if BROAD_POLICY.search(str(arn)):
            yield Finding("managedPolicyArns", arn)
    for path, inline in role.items("inlinePolicies"):
        document = documents.read(Resource(role.urn, role.type, role.name, inline), "policy")
        yield from judge_grants(f"{path}.policy", document)


@LEAST_PRIVILEGE.check(ROLE)
def find_open_trust(role: Resource) -> Findings:
    for statement in documents.statements(documents.read(role, "assumeRolePolicy"), "Allow"):
        principal = statement.get("Principal")
        accounts = documents.listed(principal.get("AWS")) if isinstance(principal, Mapping) else [principal]
        mend = "Name the account, role or service that may take the role"
        if "NotPrincipal" in statement:
            yield Finding("assumeRolePolicy.NotPrincipal", statement["NotPrincipal"], mend)
        elif "*" in accounts and not documents.is_pinned(statement):
            yield Finding("assumeRolePolicy.Principal", "*", mend)
        federated = documents.listed(principal.get("Federated")) if isinstance(principal, Mapping) else []
        for provider in federated:
            yield from judge_subject(str(provider), statement)


def judge_subject(provider: str, statement: Mapping[str, Any]) -> Iterator[Finding]:
    pinned = next((pattern for host, pattern in PINNED_SUBJECTS.items() if host in provider), None)
    if pinned is None:
        if "oidc-provider/" in provider and not documents.is_pinned(statement):
            mend = "Pin the token's subject in a condition on the provider's :sub"
            yield Finding("assumeRolePolicy.Condition[…:sub]", None, mend)
        return
    subjects = [
        value
        for operator, key, values in documents.conditions(statement)
        if key.endswith(":sub") and operator.split(":")[-1].startswith(("StringEquals", "StringLike"))
        for value in values
    ]
    path = "assumeRolePolicy.Condition[…:sub]"
    mend = (
        "Pin the subject to one repository and its ref or environment: "
        '"repo:owner/name:environment:production"'
    )
    if not subjects:
        yield Finding(path, None, mend)
    for subject in subjects:
        if not pinned.match(subject):
            yield Finding(path, subject, mend)
