"""Policies of the firewall: web ACLs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policies.graph import Graph, Resource, is_set, is_true, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

WEB_ACL = "aws:wafv2/webAcl:WebAcl"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
RULE = "aws:wafv2/webAclRule:WebAclRule"
GROUP_ASSOCIATION = "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"
BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"


def rules(acl: Resource, graph: Graph) -> Iterator[tuple[str, Any]]:
    """The rules of a web ACL under the block form's keys, whichever of the three forms they are given in."""
    yield from acl.items("rules")
    for rule in graph.referring(acl, "webAclArn", RULE):
        yield rule.label, rule.properties
    if acl.has("ruleJson"):
        for index, rule in enumerate(json.loads(acl.get("ruleJson"))):
            yield f"ruleJson[{index}]", _lower(rule)


def _lower(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _lower(item) for key, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


MANAGED_RULES = Policy(
    number="19",
    id="firewall-managed-rules",
    rule="Block known bad inputs with AWS's managed rules",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("WAF.10",),
    pci=("6.4.2",),
    checkov=("CKV_AWS_175", "CKV_AWS_192"),
    mend=f"Add a rule with managedRuleGroupStatement {BAD_INPUTS} (vendor AWS) and overrideAction none",
)


@MANAGED_RULES.check(WEB_ACL)
def find_missing_rules(acl: Resource, graph: Graph) -> Findings:
    entries = list(rules(acl, graph))
    associated = graph.referring(acl, "webAclArn", GROUP_ASSOCIATION)
    if not entries and not associated:
        yield Finding("rules")
        return
    for path, rule in entries:
        if pick(rule, "statement.managedRuleGroupStatement.name") == BAD_INPUTS:
            # Counting is for trying rules out; an empty block `count: {}` is given all the same.
            if isinstance(rule.get("overrideAction"), dict) and "count" in rule["overrideAction"]:
                yield Finding(f"{path}.overrideAction", Words(f"count, so {BAD_INPUTS} blocks nothing"))
            return
    if any(group.get("managedRuleGroup.name") == BAD_INPUTS for group in associated):
        return
    names = [
        pick(rule, "statement.managedRuleGroupStatement.name") or pick(rule, "name") for _, rule in entries
    ]
    yield Finding("rules", Words(f"{names}, without {BAD_INPUTS}"))


FIREWALL_LOGS = Policy(
    number="20",
    id="firewall-logs",
    rule="Log and measure the web ACL",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("WAF.11", "WAF.12"),
    pci=("10.2.1",),
    checkov=("CKV2_AWS_31",),
    mend="Add a wafv2 WebAclLoggingConfiguration for it and set visibilityConfig.cloudwatchMetricsEnabled "
    "to true",
)


@FIREWALL_LOGS.check(WEB_ACL)
def find_unmeasured(acl: Resource, graph: Graph) -> Findings:
    path = "visibilityConfig.cloudwatchMetricsEnabled"
    if not acl.on(path):
        yield Finding(path, acl.get(path))
    for place, rule in rules(acl, graph):
        if not is_true(pick(rule, path.replace("cloudwatch", "cloudWatch"), pick(rule, path))):
            yield Finding(f"{place}.{path}", pick(rule, path))


@FIREWALL_LOGS.check(WEB_ACL)
def find_unlogged(acl: Resource, graph: Graph) -> Findings:
    if not graph.referring(acl, "resourceArn", LOGGING):
        yield Missing("wafv2 WebAclLoggingConfiguration")


RATE_LIMIT = Policy(
    number="21",
    id="firewall-rate-limit",
    rule="Limit the request rate of one address",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    link="https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html",
    mend="Add a rule with a rateBasedStatement whose action is block, captcha or challenge",
)


@RATE_LIMIT.check(WEB_ACL)
def find_unlimited(acl: Resource, graph: Graph) -> Findings:
    limits = [
        (path, rule) for path, rule in rules(acl, graph) if is_set(rule, "statement.rateBasedStatement")
    ]
    if not limits:
        yield Finding("rules[].statement.rateBasedStatement")
    elif all(set(pick(rule, "action", {})) <= {"count", "allow"} for _, rule in limits):
        yield Finding(f"{limits[0][0]}.action", Words("count or allow, which limits nothing"))
