"""Stories of the balancer's policies."""

from typing import Any

import pytest

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

LB = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
GROUP = "aws:lb/targetGroup:TargetGroup"
REDIRECT = {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}
FORWARD = {"type": "forward", "targetGroupArn": "arn:tg"}


def balancer(**properties: Any) -> Resource:
    return made(LB, "shop", **properties)


def subnet(name: str, zone: str) -> Resource:
    return made("aws:ec2/subnet:Subnet", name, availabilityZone=zone)


PUBLIC = balancer()
HTTP = made(LISTENER, "http", port=80, protocol="HTTP", defaultActions=[REDIRECT])
ASSOCIATION = made(
    "aws:wafv2/webAclAssociation:WebAclAssociation", refers={"resourceArn": PUBLIC}, webAclArn="arn:acl"
)
RULE = made("aws:lb/listenerRule:ListenerRule", "api", refers={"listenerArn": HTTP}, actions=[FORWARD])

CASES: list[Case] = [
    kept("balancer-http-redirect", "a listener that redirects", HTTP),
    kept(
        "balancer-http-redirect",
        "an HTTPS listener that forwards",
        made(LISTENER, protocol="HTTPS", defaultActions=[FORWARD]),
    ),
    breached(
        "balancer-http-redirect",
        "a listener that forwards plain HTTP",
        '"forward"',
        made(LISTENER, port=80, protocol="HTTP", defaultActions=[FORWARD]),
    ),
    breached(
        "balancer-http-redirect",
        "an old-style listener that forwards",
        '"forward"',
        made("aws:alb/listener:Listener", port=80, protocol="HTTP", defaultActions=[FORWARD]),
    ),
    breached(
        "balancer-http-redirect",
        "a redirect to HTTP",
        '"HTTP"',
        made(
            LISTENER,
            protocol="HTTP",
            defaultActions=[{"type": "redirect", "redirect": {"protocol": "HTTP", "statusCode": "HTTP_301"}}],
        ),
    ),
    breached(
        "balancer-http-redirect",
        "a rule that forwards on a redirecting listener",
        'ListenerRule "api"',
        HTTP,
        RULE,
    ),
    missing(
        "balancer-http-redirect",
        "a listener on port 443 whose protocol is left out speaks HTTP all the same",
        '"forward"',
        made(LISTENER, port=443, defaultActions=[FORWARD]),
    ),
    missing(
        "balancer-http-redirect",
        "a listener on port 80 whose protocol is left out",
        '"forward"',
        made(LISTENER, port=80, defaultActions=[FORWARD]),
    ),
    missing(
        "balancer-http-redirect",
        "a redirect that keeps the protocol",
        "redirect.protocol is not set",
        made(
            LISTENER,
            protocol="HTTP",
            defaultActions=[{"type": "redirect", "redirect": {"statusCode": "HTTP_301"}}],
        ),
    ),
    kept(
        "balancer-tls-policy",
        "TLS 1.3",
        made(LISTENER, protocol="HTTPS", sslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06"),
    ),
    breached(
        "balancer-tls-policy",
        "a policy of 2016",
        '"ELBSecurityPolicy-2016-08"',
        made(LISTENER, protocol="HTTPS", sslPolicy="ELBSecurityPolicy-2016-08"),
    ),
    breached(
        "balancer-tls-policy",
        "TLS 1.3 that still takes 1.0",
        "TLS13-1-0",
        made(LISTENER, protocol="HTTPS", sslPolicy="ELBSecurityPolicy-TLS13-1-0-2021-06"),
    ),
    missing(
        "balancer-tls-policy",
        "AWS's default policy",
        "sslPolicy is not set",
        made(LISTENER, protocol="HTTPS"),
    ),
    kept("balancer-invalid-headers", "dropped", balancer(dropInvalidHeaderFields=True)),
    kept(
        "balancer-invalid-headers", "a network balancer sees no headers", balancer(loadBalancerType="network")
    ),
    breached("balancer-invalid-headers", "kept", "is false", balancer(dropInvalidHeaderFields=False)),
    missing("balancer-invalid-headers", "AWS keeps them", "is not set", balancer()),
    kept("balancer-logs", "logged", balancer(accessLogs={"bucket": "logs", "enabled": True})),
    breached(
        "balancer-logs",
        "switched off",
        "accessLogs.enabled is false",
        balancer(accessLogs={"bucket": "logs", "enabled": False}),
    ),
    missing(
        "balancer-logs",
        "a bucket is not enough",
        "accessLogs.enabled is not set",
        balancer(accessLogs={"bucket": "logs"}),
    ),
    kept("balancer-deletion-protection", "protected", balancer(enableDeletionProtection=True)),
    breached(
        "balancer-deletion-protection", "switched off", "is false", balancer(enableDeletionProtection=False)
    ),
    missing("balancer-deletion-protection", "AWS does not protect", "is not set", balancer()),
    kept("balancer-desync", "strictest", balancer(desyncMitigationMode="strictest")),
    breached("balancer-desync", "only watched", '"monitor"', balancer(desyncMitigationMode="monitor")),
    missing("balancer-desync", "AWS defends by default", None, balancer()),
    kept(
        "balancer-zones",
        "two zones",
        balancer(subnets=["a-id", "b-id"]),
        subnet("a", "eu-1a"),
        subnet("b", "eu-1b"),
    ),
    kept("balancer-zones", "two mappings", balancer(subnetMappings=[{"subnetId": "a"}, {"subnetId": "b"}])),
    breached("balancer-zones", "one subnet", "1 subnet(s)", balancer(subnets=["a-id"])),
    breached(
        "balancer-zones",
        "two subnets in one zone",
        "all in eu-1a",
        balancer(subnets=["a-id", "b-id"]),
        subnet("a", "eu-1a"),
        subnet("b", "eu-1a"),
    ),
    missing("balancer-zones", "no subnets", "subnets is not set", balancer()),
    kept("balancer-firewall", "a public balancer behind a web ACL", PUBLIC, ASSOCIATION),
    kept("balancer-firewall", "an internal balancer", balancer(internal=True)),
    breached(
        "balancer-firewall",
        "another balancer's web ACL",
        "WebAclAssociation",
        balancer(internal=False),
        made("aws:wafv2/webAclAssociation:WebAclAssociation", resourceArn="arn:other", webAclArn="arn:acl"),
    ),
    missing("balancer-firewall", "a public balancer, said by default", "WebAclAssociation", PUBLIC),
    kept(
        "target-group-health",
        "a readiness address",
        made(GROUP, protocol="HTTP", healthCheck={"path": "/health/ready"}),
    ),
    kept("target-group-health", "a TCP group", made(GROUP, protocol="TCP")),
    breached(
        "target-group-health",
        "switched off",
        "healthCheck.enabled is false",
        made(GROUP, healthCheck={"enabled": False, "path": "/"}),
    ),
    breached(
        "target-group-health",
        "errors that count as healthy",
        '"200-499"',
        made(GROUP, healthCheck={"path": "/", "matcher": "200-499"}),
    ),
    missing(
        "target-group-health",
        "AWS asks the home page",
        "healthCheck.path is not set",
        made(GROUP, protocol="HTTP"),
    ),
]


@stories(CASES)
def test_balancer(case: Case) -> None:
    run(case)


@pytest.mark.parametrize(
    "policy", ["ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"]
)
def test_every_modern_tls_policy_is_taken(policy: str) -> None:
    run(kept("balancer-tls-policy", policy, made(LISTENER, protocol="HTTPS", sslPolicy=policy)))
