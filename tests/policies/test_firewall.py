"""Stories of the firewall's and the certificates' policies."""

import json
from typing import Any

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

ACL = "aws:wafv2/webAcl:WebAcl"
SEEN = {"cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": True, "metricName": "shop"}
BAD_INPUTS = {
    "name": "inputs",
    "priority": 1,
    "overrideAction": {"none": {}},
    "statement": {
        "managedRuleGroupStatement": {"vendorName": "AWS", "name": "AWSManagedRulesKnownBadInputsRuleSet"}
    },
    "visibilityConfig": SEEN,
}
RATE = {
    "name": "rate",
    "priority": 2,
    "action": {"block": {}},
    "statement": {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}},
    "visibilityConfig": SEEN,
}
RATE_JSON = json.dumps(
    [{"Name": "rate", "Action": {"Block": {}}, "Statement": {"RateBasedStatement": {"Limit": 2000}}}]
)


def acl(**properties: Any) -> Resource:
    return made(ACL, "shop", **properties)


def log(target: Resource) -> Resource:
    return made(
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", refers={"resourceArn": target}
    )


WATCHED = acl(rules=[RATE], visibilityConfig=SEEN)
UNSEEN = acl(rules=[RATE], visibilityConfig={**SEEN, "cloudwatchMetricsEnabled": False})
UNSEEN_RULE = acl(
    rules=[{**RATE, "visibilityConfig": {**SEEN, "cloudwatchMetricsEnabled": False}}], visibilityConfig=SEEN
)
CERTIFICATE = "aws:acm/certificate:Certificate"
BARE = acl()

CASES: list[Case] = [
    kept("firewall-managed-rules", "AWS's rules in force", acl(rules=[BAD_INPUTS])),
    kept(
        "firewall-managed-rules",
        "AWS's rules as a resource of their own",
        BARE,
        made(
            "aws:wafv2/webAclRule:WebAclRule", refers={"webAclArn": BARE}, statement=BAD_INPUTS["statement"]
        ),
    ),
    kept(
        "firewall-managed-rules",
        "AWS's rules as an associated group",
        BARE,
        made(
            "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation",
            refers={"webAclArn": BARE},
            managedRuleGroup={"name": "AWSManagedRulesKnownBadInputsRuleSet", "vendorName": "AWS"},
        ),
    ),
    breached(
        "firewall-managed-rules",
        "own rules only",
        "without AWSManagedRulesKnownBadInputsRuleSet",
        acl(rules=[RATE]),
    ),
    breached(
        "firewall-managed-rules",
        "only counted",
        "blocks nothing",
        acl(rules=[{**BAD_INPUTS, "overrideAction": {"count": {}}}]),
    ),
    missing("firewall-managed-rules", "no rule at all", "rules is not set", BARE),
    kept("firewall-logs", "logged and measured", WATCHED, log(WATCHED)),
    breached("firewall-logs", "not measured", "cloudwatchMetricsEnabled is false", UNSEEN, log(UNSEEN)),
    breached(
        "firewall-logs", "one rule not measured", "rules[0].visibilityConfig", UNSEEN_RULE, log(UNSEEN_RULE)
    ),
    missing("firewall-logs", "not logged", "WebAclLoggingConfiguration", WATCHED),
    kept("firewall-rate-limit", "a limit that blocks", acl(rules=[RATE])),
    kept("firewall-rate-limit", "a limit given as JSON", acl(ruleJson=RATE_JSON)),
    breached(
        "firewall-rate-limit",
        "a limit that counts",
        "limits nothing",
        acl(rules=[{**RATE, "action": {"count": {}}}]),
    ),
    missing("firewall-rate-limit", "no limit", "rateBasedStatement is not set", acl(rules=[BAD_INPUTS])),
    kept(
        "certificate-strength",
        "DNS and a curve",
        made(CERTIFICATE, validationMethod="DNS", keyAlgorithm="EC_prime256v1"),
    ),
    kept(
        "certificate-strength", "an imported one", made(CERTIFICATE, certificateBody="pem", privateKey="pem")
    ),
    breached(
        "certificate-strength",
        "a short key",
        '"RSA_1024"',
        made(CERTIFICATE, validationMethod="DNS", keyAlgorithm="RSA_1024"),
    ),
    breached("certificate-strength", "by e-mail", '"EMAIL"', made(CERTIFICATE, validationMethod="EMAIL")),
    missing(
        "certificate-strength", "AWS's key is long enough", None, made(CERTIFICATE, validationMethod="DNS")
    ),
    missing("certificate-strength", "no validation", "validationMethod is not set", made(CERTIFICATE)),
]


@stories(CASES)
def test_firewall(case: Case) -> None:
    run(case)
