"""Policies of the balancer: load balancers, listeners and target groups, under new and old type names."""

from __future__ import annotations

import re

from policies.graph import Graph, Resource, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

BALANCERS = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
)
LISTENERS = (
    "aws:lb/listener:Listener",
    "aws:alb/listener:Listener",
    "aws:elasticloadbalancingv2/listener:Listener",
)
LISTENER_RULES = (
    "aws:lb/listenerRule:ListenerRule",
    "aws:alb/listenerRule:ListenerRule",
    "aws:elasticloadbalancingv2/listenerRule:ListenerRule",
)
TARGET_GROUPS = (
    "aws:lb/targetGroup:TargetGroup",
    "aws:alb/targetGroup:TargetGroup",
    "aws:elasticloadbalancingv2/targetGroup:TargetGroup",
)
SUBNET = "aws:ec2/subnet:Subnet"
FIREWALL_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"

# TLS13-1-0 and TLS13-1-1 exist too, and still take TLS 1.0 and 1.1.
MODERN_TLS = re.compile(r"^ELBSecurityPolicy-TLS13-1-[23]-")


def is_application(balancer: Resource) -> bool:
    return bool(balancer.get("loadBalancerType", "application") == "application")


def is_plain(listener: Resource) -> bool:
    """Whether a listener speaks HTTP: AWS's default on any port. A gateway's listener has neither of both."""
    protocol = listener.get("protocol")
    return protocol == "HTTP" or (protocol is None and listener.has("port"))


REDIRECT = Policy(
    number="1",
    id="balancer-http-redirect",
    rule="Redirect plain HTTP to HTTPS",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ELB.1",),
    pci=("4.2.1",),
    checkov=("CKV2_AWS_20", "CKV_AWS_2"),
    mend='Make the action a redirect with protocol "HTTPS", port "443", statusCode "HTTP_301"',
)


@REDIRECT.check(*LISTENERS)
def find_plain_listener(listener: Resource) -> Findings:
    if not is_plain(listener):
        return
    if not listener.has("defaultActions"):
        yield Finding("defaultActions")
        return
    for path, action in listener.items("defaultActions"):
        kind = pick(action, "type")
        if kind != "redirect":
            yield Finding(f"{path}.type", kind)
        elif pick(action, "redirect.protocol") != "HTTPS":
            yield Finding(f"{path}.redirect.protocol", pick(action, "redirect.protocol"))


@REDIRECT.check(*LISTENER_RULES)
def find_plain_rule(rule: Resource, graph: Graph) -> Findings:
    if not any(is_plain(listener) for listener in graph.referred(rule, "listenerArn", *LISTENERS)):
        return
    for path, action in rule.items("actions"):
        kind = pick(action, "type")
        if kind not in ("redirect", "fixed-response"):
            yield Finding(f"{path}.type", kind)
        elif kind == "redirect" and pick(action, "redirect.protocol") != "HTTPS":
            yield Finding(f"{path}.redirect.protocol", pick(action, "redirect.protocol"))


LISTENER_TLS = Policy(
    number="2",
    id="balancer-tls-policy",
    rule="Use a TLS 1.3 security policy on listeners",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ELB.17",),
    pci=("4.2.1",),
    checkov=("CKV2_AWS_74",),
    mend='Set sslPolicy to "ELBSecurityPolicy-TLS13-1-2-2021-06" or newer',
)


@LISTENER_TLS.check(*LISTENERS)
def find_old_tls(listener: Resource) -> Findings:
    if listener.get("protocol") in ("HTTPS", "TLS"):
        policy = listener.get("sslPolicy")
        if policy is None or not MODERN_TLS.match(policy):
            yield Finding("sslPolicy", policy)


HEADERS = Policy(
    number="3",
    id="balancer-invalid-headers",
    rule="Drop invalid headers at the balancer",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ELB.4",),
    checkov=("CKV_AWS_131",),
    mend="Set dropInvalidHeaderFields to true",
)


@HEADERS.check(*BALANCERS)
def find_kept_headers(balancer: Resource) -> Findings:
    if is_application(balancer) and not balancer.on("dropInvalidHeaderFields"):
        yield Finding("dropInvalidHeaderFields", balancer.get("dropInvalidHeaderFields"))


BALANCER_LOGS = Policy(
    number="4",
    id="balancer-logs",
    rule="Keep the balancer's access logs",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("ELB.5",),
    pci=("10.2.1",),
    checkov=("CKV_AWS_91",),
    mend="Set accessLogs with a bucket and enabled true",
)


@BALANCER_LOGS.check(*BALANCERS)
def find_unlogged(balancer: Resource) -> Findings:
    if not balancer.on("accessLogs.enabled"):
        yield Finding("accessLogs.enabled", balancer.get("accessLogs.enabled"))


BALANCER_PROTECTION = Policy(
    number="5",
    id="balancer-deletion-protection",
    rule="Protect the balancer from deletion",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("ELB.6",),
    checkov=("CKV_AWS_150",),
    mend="Set enableDeletionProtection to true",
)


@BALANCER_PROTECTION.check(*BALANCERS)
def find_deletable(balancer: Resource) -> Findings:
    if not balancer.on("enableDeletionProtection"):
        yield Finding("enableDeletionProtection", balancer.get("enableDeletionProtection"))


DESYNC = Policy(
    number="6",
    id="balancer-desync",
    rule="Mitigate request smuggling at the balancer",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ELB.12",),
    checkov=("CKV_AWS_328",),
    mend='Set desyncMitigationMode to "defensive" or "strictest"',
)


@DESYNC.check(*BALANCERS)
def find_monitored_desync(balancer: Resource) -> Findings:
    mode = balancer.get("desyncMitigationMode", "defensive")  # AWS's own default
    if is_application(balancer) and mode not in ("defensive", "strictest"):
        yield Finding("desyncMitigationMode", mode)


ZONES = Policy(
    number="7",
    id="balancer-zones",
    rule="Spread the balancer over two availability zones or more",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ELB.13",),
    mend="Give subnets of at least two availability zones",
)


@ZONES.check(*BALANCERS)
def find_single_subnet(balancer: Resource) -> Findings:
    path = "subnetMappings" if balancer.has("subnetMappings") else "subnets"
    subnets = balancer.get(path)
    if subnets is None or len(subnets) < 2:
        yield Finding(path, None if subnets is None else Words(f"{len(subnets)} subnet(s)"))


@ZONES.check(*BALANCERS)
def find_single_zone(balancer: Resource, graph: Graph) -> Findings:
    subnets = graph.referred(balancer, "subnets", SUBNET)
    zones = [subnet.get("availabilityZone", subnet.outputs.get("availabilityZone")) for subnet in subnets]
    if len(zones) > 1 and zones[0] is not None and len(set(zones)) == 1:
        yield Finding("subnets", Words(f"{len(zones)} subnets, all in {zones[0]}"))


BALANCER_FIREWALL = Policy(
    number="8",
    id="balancer-firewall",
    rule="Put a web ACL before a public balancer",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    fsbp=("ELB.16",),
    pci=("6.4.2",),
    checkov=("CKV2_AWS_28",),
    mend="Add a wafv2 WebAclAssociation whose resourceArn is the balancer's, or make the balancer internal",
)


@BALANCER_FIREWALL.check(*BALANCERS)
def find_unguarded(balancer: Resource, graph: Graph) -> Findings:
    if not is_application(balancer) or balancer.on("internal"):
        return
    if not graph.referring(balancer, "resourceArn", FIREWALL_ASSOCIATION):
        yield Missing("wafv2 WebAclAssociation")


HEALTH = Policy(
    number="9",
    id="target-group-health",
    rule="Give target groups a real health check",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    checkov=("CKV_AWS_261",),
    link="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
    mend='Set healthCheck.path to the readiness address, such as "/health/ready", with matcher "200"',
)


@HEALTH.check(*TARGET_GROUPS)
def find_unchecked(group: Resource) -> Findings:
    if group.get("targetType") == "lambda" or group.get("protocol", "HTTP") not in ("HTTP", "HTTPS"):
        return
    if group.get("healthCheck.enabled") is False:
        yield Finding("healthCheck.enabled", False)
    if not group.has("healthCheck.path"):
        yield Finding("healthCheck.path")
    matcher = str(group.get("healthCheck.matcher", "200"))
    if any(int(code) >= 400 for code in re.findall(r"\d{3}", matcher)) and "GRPC" not in str(
        group.get("protocolVersion")
    ):
        yield Finding(
            "healthCheck.matcher", matcher, 'Count only success as healthy: matcher "200" or "200-399"'
        )
