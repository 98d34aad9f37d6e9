"""Stories of the edge's policies."""

from typing import Any

import pytest

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

ORIGIN = {"originId": "shop", "domainName": "shop.example"}
HTTPS_ORIGIN = {
    "originProtocolPolicy": "https-only",
    "originSslProtocols": ["TLSv1.2"],
    "httpPort": 80,
    "httpsPort": 443,
}
BUCKET_ORIGIN = {"originId": "media", "domainName": "media.s3.us-east-1.amazonaws.com"}
HSTS = {"strictTransportSecurity": {"accessControlMaxAgeSec": 63072000, "override": True}}


def cdn(**properties: Any) -> Resource:
    return made("aws:cloudfront/distribution:Distribution", "shop", **properties)


def viewer(policy: str | None) -> dict[str, object]:
    given = {} if policy is None else {"viewerProtocolPolicy": policy}
    return {"defaultCacheBehavior": {"targetOriginId": "shop", **given}}


HEADERS = made(
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "safe", securityHeadersConfig=HSTS
)
SHORT_HEADERS = made(
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    "short",
    securityHeadersConfig={"strictTransportSecurity": {"accessControlMaxAgeSec": 300, "override": True}},
)
NO_HEADERS = made(
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "none", serverTimingHeadersConfig={}
)
LOGGED = cdn()
LOG_SOURCE = made(
    "aws:cloudwatch/logDeliverySource:LogDeliverySource",
    "cdn",
    refers={"resourceArn": LOGGED},
    name="cdn",
    logType="ACCESS_LOGS",
)
LOG_DELIVERY = made("aws:cloudwatch/logDelivery:LogDelivery", "cdn", deliverySourceName="cdn")
VPC_ORIGIN = "aws:cloudfront/vpcOrigin:VpcOrigin"

CASES: list[Case] = [
    kept("cdn-viewer-https", "plain HTTP is redirected", cdn(**viewer("redirect-to-https"))),
    breached("cdn-viewer-https", "plain HTTP is served", '"allow-all"', cdn(**viewer("allow-all"))),
    breached(
        "cdn-viewer-https",
        "one path serves plain HTTP",
        'orderedCacheBehaviors[0].viewerProtocolPolicy is "allow-all"',
        cdn(
            **viewer("https-only"),
            orderedCacheBehaviors=[{"pathPattern": "/m", "viewerProtocolPolicy": "allow-all"}],
        ),
    ),
    missing("cdn-viewer-https", "nothing is said of viewers", "is not set", cdn(**viewer(None))),
    kept("cdn-viewer-tls", "TLS 1.2", cdn(viewerCertificate={"minimumProtocolVersion": "TLSv1.2_2021"})),
    kept("cdn-viewer-tls", "TLS 1.3 only", cdn(viewerCertificate={"minimumProtocolVersion": "TLSv1.3_2025"})),
    breached(
        "cdn-viewer-tls",
        "TLS 1.1",
        '"TLSv1.1_2016"',
        cdn(viewerCertificate={"minimumProtocolVersion": "TLSv1.1_2016"}),
    ),
    breached(
        "cdn-viewer-tls",
        "CloudFront's own certificate takes TLS 1.0 whatever is asked",
        "cloudfrontDefaultCertificate is true",
        cdn(
            viewerCertificate={"cloudfrontDefaultCertificate": True, "minimumProtocolVersion": "TLSv1.2_2021"}
        ),
    ),
    missing(
        "cdn-viewer-tls",
        "no version is asked",
        "minimumProtocolVersion is not set",
        cdn(viewerCertificate={}),
    ),
    kept(
        "cdn-origin-tls", "HTTPS to the origin", cdn(origins=[{**ORIGIN, "customOriginConfig": HTTPS_ORIGIN}])
    ),
    kept(
        "cdn-origin-tls",
        "following a viewer who must use HTTPS",
        cdn(
            **viewer("https-only"),
            origins=[
                {**ORIGIN, "customOriginConfig": {**HTTPS_ORIGIN, "originProtocolPolicy": "match-viewer"}}
            ],
        ),
    ),
    breached(
        "cdn-origin-tls",
        "HTTP to the origin",
        '"http-only"',
        cdn(
            origins=[{**ORIGIN, "customOriginConfig": {**HTTPS_ORIGIN, "originProtocolPolicy": "http-only"}}]
        ),
    ),
    breached(
        "cdn-origin-tls",
        "following a viewer who may use HTTP",
        '"match-viewer"',
        cdn(
            **viewer("allow-all"),
            origins=[
                {**ORIGIN, "customOriginConfig": {**HTTPS_ORIGIN, "originProtocolPolicy": "match-viewer"}}
            ],
        ),
    ),
    breached(
        "cdn-origin-tls",
        "SSL of the last century to the origin",
        '["SSLv3", "TLSv1.2"]',
        cdn(
            origins=[
                {**ORIGIN, "customOriginConfig": {**HTTPS_ORIGIN, "originSslProtocols": ["SSLv3", "TLSv1.2"]}}
            ]
        ),
    ),
    breached(
        "cdn-origin-tls",
        "HTTP to a VPC origin",
        "vpcOriginEndpointConfig.originProtocolPolicy",
        made(VPC_ORIGIN, vpcOriginEndpointConfig={"originProtocolPolicy": "http-only"}),
    ),
    breached(
        "cdn-origin-tls",
        "old TLS to a VPC origin",
        '["TLSv1"]',
        made(
            VPC_ORIGIN,
            vpcOriginEndpointConfig={
                "originProtocolPolicy": "https-only",
                "originSslProtocols": {"items": ["TLSv1"], "quantity": 1},
            },
        ),
    ),
    missing(
        "cdn-origin-tls",
        "an origin without protocol",
        "is not set",
        cdn(origins=[{**ORIGIN, "customOriginConfig": {"httpPort": 80}}]),
    ),
    kept(
        "cdn-bucket-origin-access",
        "an access control",
        cdn(origins=[{**BUCKET_ORIGIN, "originAccessControlId": "E1"}]),
    ),
    kept(
        "cdn-bucket-origin-access",
        "no bucket at all",
        cdn(origins=[{**ORIGIN, "customOriginConfig": HTTPS_ORIGIN}]),
    ),
    breached(
        "cdn-bucket-origin-access",
        "the old access identity",
        "origin-access-identity/cloudfront/E2",
        cdn(
            origins=[
                {
                    **BUCKET_ORIGIN,
                    "s3OriginConfig": {"originAccessIdentity": "origin-access-identity/cloudfront/E2"},
                }
            ]
        ),
    ),
    missing(
        "cdn-bucket-origin-access",
        "a bare bucket",
        "originAccessControlId is not set",
        cdn(origins=[BUCKET_ORIGIN]),
    ),
    kept("cdn-firewall", "a web ACL", cdn(webAclId="arn:aws:wafv2:us-east-1:1:global/webacl/shop/1")),
    breached("cdn-firewall", "an empty web ACL id", "webAclId is not set", cdn(webAclId="")),
    missing("cdn-firewall", "no web ACL", "webAclId is not set", cdn()),
    kept("cdn-logs", "logged the old way", cdn(loggingConfig={"bucket": "logs.s3.amazonaws.com"})),
    kept("cdn-logs", "logged the new way", LOGGED, LOG_SOURCE, LOG_DELIVERY),
    breached(
        "cdn-logs", "a source that nothing delivers", "LogDelivery for its log source", LOGGED, LOG_SOURCE
    ),
    missing("cdn-logs", "no logs", "loggingConfig is not set", cdn()),
    kept(
        "cdn-hsts",
        "a policy with HSTS",
        HEADERS,
        cdn(defaultCacheBehavior={"responseHeadersPolicyId": "safe-id"}),
    ),
    kept(
        "cdn-hsts",
        "a policy with HSTS whose id is not known yet",
        HEADERS,
        made(
            "aws:cloudfront/distribution:Distribution",
            refers={"defaultCacheBehavior": HEADERS},
            defaultCacheBehavior={"responseHeadersPolicyId": "unknown"},
        ),
    ),
    breached(
        "cdn-hsts",
        "five minutes of HSTS",
        "accessControlMaxAgeSec is 300",
        SHORT_HEADERS,
        cdn(defaultCacheBehavior={"responseHeadersPolicyId": "short-id"}),
    ),
    breached(
        "cdn-hsts",
        "AWS's CORS headers only",
        "Managed-SimpleCORS",
        cdn(defaultCacheBehavior={"responseHeadersPolicyId": "60669652-455b-4ae9-85a4-c4c02393f86c"}),
    ),
    missing(
        "cdn-hsts", "no headers policy", "responseHeadersPolicyId is not set", cdn(defaultCacheBehavior={})
    ),
    missing(
        "cdn-hsts",
        "a headers policy without HSTS",
        "accessControlMaxAgeSec is not set",
        NO_HEADERS,
        cdn(defaultCacheBehavior={"responseHeadersPolicyId": "none-id"}),
    ),
    kept(
        "cdn-certificate",
        "an own certificate",
        cdn(viewerCertificate={"acmCertificateArn": "arn:1", "sslSupportMethod": "sni-only"}),
    ),
    breached(
        "cdn-certificate",
        "a dedicated address",
        '"vip"',
        cdn(viewerCertificate={"acmCertificateArn": "arn:1", "sslSupportMethod": "vip"}),
    ),
    missing(
        "cdn-certificate",
        "CloudFront's certificate",
        "acmCertificateArn is not set",
        cdn(viewerCertificate={}),
    ),
    kept(
        "cdn-root-object",
        "a site with its root",
        cdn(
            origins=[BUCKET_ORIGIN],
            defaultRootObject="index.html",
            defaultCacheBehavior={"targetOriginId": "media"},
        ),
    ),
    kept(
        "cdn-root-object",
        "a site that an application serves",
        cdn(origins=[{**ORIGIN, "customOriginConfig": HTTPS_ORIGIN}], **viewer(None)),
    ),
    breached(
        "cdn-root-object",
        "an empty root object",
        "defaultRootObject is not set",
        cdn(origins=[BUCKET_ORIGIN], defaultRootObject="", defaultCacheBehavior={"targetOriginId": "media"}),
    ),
    missing(
        "cdn-root-object",
        "a bucket without root object",
        "defaultRootObject is not set",
        cdn(origins=[BUCKET_ORIGIN], defaultCacheBehavior={"targetOriginId": "media"}),
    ),
]


@stories(CASES)
def test_edge(case: Case) -> None:
    run(case)


def test_a_headers_policy_that_nothing_uses_is_left_alone() -> None:
    run(kept("cdn-hsts", "unused", SHORT_HEADERS))


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1_2016"])
def test_every_old_viewer_protocol_is_refused(version: str) -> None:
    run(
        breached(
            "cdn-viewer-tls", version, version, cdn(viewerCertificate={"minimumProtocolVersion": version})
        )
    )
