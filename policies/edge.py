"""Policies of the edge: CloudFront distributions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import UNKNOWN, Graph, Resource, is_set, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
VPC_ORIGIN = "aws:cloudfront/vpcOrigin:VpcOrigin"
HEADERS_POLICY = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
LOG_SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
LOG_DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"

SAFE_VIEWER = ("redirect-to-https", "https-only")
SAFE_TLS = re.compile(r"^TLSv1\.[23]_\d{4}$")
OLD_SSL = ("SSLv3", "TLSv1", "TLSv1.1")
S3_DOMAIN = re.compile(r"\.s3[.-](?!website)[a-z0-9.-]*amazonaws\.com$|\.s3\.amazonaws\.com$")
HSTS_SECONDS = 31_536_000  # a year: the least that browsers' preload lists take
# AWS's managed response headers policies that carry HSTS, and those that do not.
MANAGED_WITHOUT_HSTS = {
    "60669652-455b-4ae9-85a4-c4c02393f86c": "Managed-SimpleCORS",
    "5cc3b908-e619-4b99-88e5-2cf7f45965bd": "Managed-CORS-With-Preflight",
}


def behaviours(distribution: Resource) -> Iterator[tuple[str, Any]]:
    yield "defaultCacheBehavior", distribution.get("defaultCacheBehavior", {})
    yield from distribution.items("orderedCacheBehaviors")


def is_bucket(origin: Mapping[str, Any]) -> bool:
    """Whether an origin is an S3 bucket's REST endpoint; one without any origin configuration can be nothing
    else.
    """
    domain = origin.get("domainName")
    if isinstance(domain, str) and S3_DOMAIN.search(domain):
        return True
    if is_set(origin, "customOriginConfig") or is_set(origin, "vpcOriginConfig"):
        return False
    return is_set(origin, "s3OriginConfig") or domain is UNKNOWN or is_set(origin, "originAccessControlId")


VIEWER_HTTPS = Policy(
    number="10",
    id="cdn-viewer-https",
    rule="Serve viewers over HTTPS only",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("CloudFront.3",),
    pci=("4.2.1",),
    checkov=("CKV_AWS_34",),
    mend='Set viewerProtocolPolicy to "redirect-to-https" in every cache behaviour',
)


@VIEWER_HTTPS.check(DISTRIBUTION)
def find_plain_viewers(distribution: Resource) -> Findings:
    for path, behaviour in behaviours(distribution):
        policy = pick(behaviour, "viewerProtocolPolicy")
        if policy not in SAFE_VIEWER:
            yield Finding(f"{path}.viewerProtocolPolicy", policy)


VIEWER_TLS = Policy(
    number="11",
    id="cdn-viewer-tls",
    rule="Require TLS 1.2 or newer of viewers",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("CloudFront.15",),
    pci=("4.2.1",),
    checkov=("CKV_AWS_174", "CKV2_AWS_54"),
    link="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html",
    mend="Give the distribution its own domain's certificate and set minimumProtocolVersion to "
    '"TLSv1.2_2021"',
)


@VIEWER_TLS.check(DISTRIBUTION)
def find_old_viewer_tls(distribution: Resource) -> Findings:
    # CloudFront's own certificate takes TLS 1.0, whatever minimumProtocolVersion says.
    if distribution.on("viewerCertificate.cloudfrontDefaultCertificate"):
        yield Finding("viewerCertificate.cloudfrontDefaultCertificate", True)
        return
    version = distribution.get("viewerCertificate.minimumProtocolVersion")
    if version is None or not SAFE_TLS.match(version):
        yield Finding("viewerCertificate.minimumProtocolVersion", version)


ORIGIN_TLS = Policy(
    number="12",
    id="cdn-origin-tls",
    rule="Reach origins over HTTPS without old SSL",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("CloudFront.9", "CloudFront.10"),
    pci=("4.2.1",),
    checkov=("CKV2_AWS_72",),
    mend='Set originProtocolPolicy to "https-only" and originSslProtocols to ["TLSv1.2"]',
)


def judge_origin(path: str, config: Any, viewers_are_safe: bool) -> Findings:
    protocol = pick(config, "originProtocolPolicy")
    if protocol != "https-only" and not (protocol == "match-viewer" and viewers_are_safe):
        yield Finding(f"{path}.originProtocolPolicy", protocol)
    versions = pick(config, "originSslProtocols", [])
    versions = versions.get("items", []) if isinstance(versions, Mapping) else versions
    if any(version in OLD_SSL for version in versions):
        yield Finding(f"{path}.originSslProtocols", versions)


@ORIGIN_TLS.check(DISTRIBUTION)
def find_plain_origins(distribution: Resource) -> Findings:
    safe = all(pick(item, "viewerProtocolPolicy") in SAFE_VIEWER for _, item in behaviours(distribution))
    for path, origin in distribution.items("origins"):
        if is_set(origin, "customOriginConfig"):
            yield from judge_origin(f"{path}.customOriginConfig", pick(origin, "customOriginConfig"), safe)


@ORIGIN_TLS.check(VPC_ORIGIN)
def find_plain_vpc_origins(origin: Resource) -> Findings:
    yield from judge_origin("vpcOriginEndpointConfig", origin.get("vpcOriginEndpointConfig", {}), False)


BUCKET_ORIGIN = Policy(
    number="13",
    id="cdn-bucket-origin-access",
    rule="Reach S3 origins through an origin access control",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("CloudFront.13",),
    checkov=("CKV2_AWS_46",),
    mend="Set originAccessControlId to an OriginAccessControl and keep the bucket private",
)


@BUCKET_ORIGIN.check(DISTRIBUTION)
def find_open_bucket_origins(distribution: Resource) -> Findings:
    for path, origin in distribution.items("origins"):
        if is_bucket(origin) and not is_set(origin, "originAccessControlId"):
            identity = pick(origin, "s3OriginConfig.originAccessIdentity")
            if identity:
                yield Finding(f"{path}.s3OriginConfig.originAccessIdentity", identity)
            else:
                yield Finding(f"{path}.originAccessControlId")


CDN_FIREWALL = Policy(
    number="14",
    id="cdn-firewall",
    rule="Put a web ACL before the distribution",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    fsbp=("CloudFront.6",),
    pci=("6.4.2",),
    checkov=("CKV_AWS_68",),
    mend="Set webAclId to the ARN of a wafv2 WebAcl of scope CLOUDFRONT",
)


@CDN_FIREWALL.check(DISTRIBUTION)
def find_unguarded(distribution: Resource) -> Findings:
    if not distribution.has("webAclId"):
        yield Finding("webAclId")


CDN_LOGS = Policy(
    number="15",
    id="cdn-logs",
    rule="Log the distribution's requests",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("CloudFront.5",),
    pci=("10.2.1",),
    checkov=("CKV_AWS_86",),
    mend="Deliver its ACCESS_LOGS with a cloudwatch LogDeliverySource, LogDeliveryDestination and "
    "LogDelivery (v2), "
    "or set loggingConfig",
)


@CDN_LOGS.check(DISTRIBUTION)
def find_unlogged(distribution: Resource, graph: Graph) -> Findings:
    if distribution.has("loggingConfig"):
        return
    sources = graph.referring(distribution, "resourceArn", LOG_SOURCE)
    if not sources:
        yield Finding("loggingConfig", mend=CDN_LOGS.mend)
    elif not any(graph.referring(source, "deliverySourceName", LOG_DELIVERY) for source in sources):
        yield Missing(f'cloudwatch LogDelivery for its log source "{sources[0].name}"')


CDN_HEADERS = Policy(
    number="16",
    id="cdn-hsts",
    rule="Send Strict-Transport-Security with every response",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    checkov=("CKV2_AWS_32", "CKV_AWS_259"),
    link="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-response-headers.html",
    mend="Set responseHeadersPolicyId in every cache behaviour to a ResponseHeadersPolicy with "
    f"strictTransportSecurity.accessControlMaxAgeSec >= {HSTS_SECONDS}",
)


@CDN_HEADERS.check(DISTRIBUTION)
def find_missing_headers_policy(distribution: Resource) -> Findings:
    for path, behaviour in behaviours(distribution):
        if not is_set(behaviour, "responseHeadersPolicyId"):
            yield Finding(f"{path}.responseHeadersPolicyId")
        elif behaviour["responseHeadersPolicyId"] in MANAGED_WITHOUT_HSTS:
            managed = MANAGED_WITHOUT_HSTS[behaviour["responseHeadersPolicyId"]]
            yield Finding(f"{path}.responseHeadersPolicyId", Words(f"{managed}, which sends no HSTS"))


@CDN_HEADERS.check(HEADERS_POLICY)
def find_headers_without_hsts(policy: Resource, graph: Graph) -> Findings:
    used = any(
        policy.urn in distribution.property_dependencies.get(path.split("[")[0], ())
        or pick(behaviour, "responseHeadersPolicyId") in policy.identities
        for distribution in graph.of_type(DISTRIBUTION)
        for path, behaviour in behaviours(distribution)
    )
    path = "securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec"
    seconds = policy.get(path)
    if used and (seconds is None or seconds < HSTS_SECONDS):
        yield Finding(path, seconds, f"Set it to {HSTS_SECONDS} seconds or more")


CDN_CERTIFICATE = Policy(
    number="17",
    id="cdn-certificate",
    rule="Serve the store's own certificate by SNI",
    level=Level.PRODUCTION,
    severity=Severity.LOW,
    fsbp=("CloudFront.7", "CloudFront.8"),
    checkov=("CKV2_AWS_42",),
    mend='Set viewerCertificate.acmCertificateArn (made in us-east-1) and sslSupportMethod "sni-only"',
)


@CDN_CERTIFICATE.check(DISTRIBUTION)
def find_foreign_certificate(distribution: Resource) -> Findings:
    certificates = ("viewerCertificate.acmCertificateArn", "viewerCertificate.iamCertificateId")
    if not any(distribution.has(path) for path in certificates):
        yield Finding(certificates[0])
        return
    method = distribution.get("viewerCertificate.sslSupportMethod")
    if method != "sni-only":
        yield Finding("viewerCertificate.sslSupportMethod", method)


CDN_ROOT = Policy(
    number="18",
    id="cdn-root-object",
    rule="Name the root object of a site served from S3",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("CloudFront.1",),
    checkov=("CKV_AWS_305",),
    mend='Set defaultRootObject, such as "index.html"',
)


@CDN_ROOT.check(DISTRIBUTION)
def find_missing_root(distribution: Resource) -> Findings:
    target = distribution.get("defaultCacheBehavior.targetOriginId")
    for _, origin in distribution.items("origins"):
        if (
            origin.get("originId") == target
            and is_bucket(origin)
            and not distribution.has("defaultRootObject")
        ):
            yield Finding("defaultRootObject")
