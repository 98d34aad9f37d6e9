"""The edge: CloudFront in front of everything, one distribution for the shop and one for the back office.

Creates a VPC origin to the internal balancer, the shop's distribution (pages cached as the store's own
Cache-Control says, media straight from S3 by OAC, HTTP/3, security headers with HSTS), the back office's
(nothing cached, its web ACL lets in the allow-list only), access logs by CloudWatch's v2 delivery, and the
DNS records of both.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import EDGE_REGION, Context

# AWS's managed policies have the same ids in every account.
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"

READ = ["GET", "HEAD"]
EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
LOG_FIELDS = [
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem",
    "sc-status", "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "time-taken", "ssl-protocol",
    "time-to-first-byte",
]  # fmt: skip


class Edge(pulumi.ComponentResource):
    """Outputs: `shop` and `back_office`, the distributions."""

    def __init__(
        self,
        name: str,
        args: settings.Edge,
        context: Context,
        *,
        domain: str,
        back_office_domain: str,
        zone_id: pulumi.Input[str],
        certificate_arn: pulumi.Input[str],
        balancer_arn: pulumi.Input[str],
        balancer_dns: pulumi.Input[str],
        shop_acl_arn: pulumi.Input[str],
        back_office_acl_arn: pulumi.Input[str],
        media_domain: pulumi.Input[str],
        logs_bucket: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Edge", name, None, opts)
        self._name, self._args, self._context = name, args, context
        self._child = pulumi.ResourceOptions(parent=self)
        self._certificate_arn, self._zone_id = certificate_arn, zone_id
        origin = aws.cloudfront.VpcOrigin(
            f"{name}-origin",
            vpc_origin_endpoint_config=aws.cloudfront.VpcOriginVpcOriginEndpointConfigArgs(
                name=context.name("balancer"),
                arn=balancer_arn,
                http_port=80,
                https_port=443,
                origin_protocol_policy="https-only",
                origin_ssl_protocols=aws.cloudfront.VpcOriginVpcOriginEndpointConfigOriginSslProtocolsArgs(
                    items=["TLSv1.2"], quantity=1
                ),
            ),
            opts=self._child,
        )
        balancer = aws.cloudfront.DistributionOriginArgs(
            origin_id="balancer",
            domain_name=balancer_dns,
            connection_attempts=3,
            connection_timeout=5,
            vpc_origin_config=aws.cloudfront.DistributionOriginVpcOriginConfigArgs(
                vpc_origin_id=origin.id, origin_keepalive_timeout=30, origin_read_timeout=30
            ),
        )
        signing = aws.cloudfront.OriginAccessControl(
            f"{name}-media-access",
            name=context.name("media"),
            description="Reads the media bucket",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )
        media = aws.cloudfront.DistributionOriginArgs(
            origin_id="media", domain_name=media_domain, origin_access_control_id=signing.id
        )
        self._headers = self._make_headers()
        pages = self._make_pages_policy()
        self.shop = self._distribute(
            "shop",
            domain,
            shop_acl_arn,
            origins=[balancer, media],
            default=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id="balancer",
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=EVERY_METHOD,
                cached_methods=READ,
                cache_policy_id=pages.id,
                origin_request_policy_id=ALL_VIEWER,
                response_headers_policy_id=self._headers.id,
                compress=True,
            ),
            behaviors=[
                self._media_behavior(pages),
                *(self._uncached_behavior(path) for path in ("/api/*", "/fragments/*")),
            ],
        )
        self.back_office = self._distribute(
            "back-office",
            back_office_domain,
            back_office_acl_arn,
            origins=[balancer],
            default=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id="balancer",
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=EVERY_METHOD,
                cached_methods=READ,
                cache_policy_id=CACHING_DISABLED,
                origin_request_policy_id=ALL_VIEWER,
                response_headers_policy_id=self._headers.id,
                compress=True,
            ),
            behaviors=[],
        )
        if args.logs:
            self._log(logs_bucket)
        self.register_outputs({"shop": self.shop.id, "back_office": self.back_office.id})

    def _make_headers(self) -> aws.cloudfront.ResponseHeadersPolicy:
        """HSTS for two years. The store sends its own content security policy: only it knows its scripts."""
        kind = aws.cloudfront
        return kind.ResponseHeadersPolicy(
            f"{self._name}-headers",
            name=self._context.name("headers"),
            comment="Security headers of every answer",
            security_headers_config=kind.ResponseHeadersPolicySecurityHeadersConfigArgs(
                strict_transport_security=kind.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=63_072_000, include_subdomains=True, override=True
                ),
                content_type_options=kind.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                    override=True
                ),
                frame_options=kind.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option="SAMEORIGIN", override=False
                ),
                referrer_policy=kind.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy="strict-origin-when-cross-origin", override=False
                ),
            ),
            opts=self._child,
        )

    def _make_pages_policy(self) -> aws.cloudfront.CachePolicy:
        """The store decides by Cache-Control; cookies stay out of the key, so a full cart still gets cached
        pages.
        """
        kind = aws.cloudfront
        return kind.CachePolicy(
            f"{self._name}-pages",
            name=self._context.name("pages"),
            comment="As the store's Cache-Control says; one copy per address and query",
            min_ttl=0,
            default_ttl=0,
            max_ttl=31_536_000,
            parameters_in_cache_key_and_forwarded_to_origin=kind.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
                cookies_config=kind.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                    cookie_behavior="none"
                ),
                headers_config=kind.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                    header_behavior="none"
                ),
                query_strings_config=kind.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                    query_string_behavior="all"
                ),
            ),
            opts=self._child,
        )

    def _media_behavior(
        self, pages: aws.cloudfront.CachePolicy
    ) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
            path_pattern="/media/*",
            target_origin_id="media",
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=READ,
            cached_methods=READ,
            cache_policy_id=pages.id,
            response_headers_policy_id=self._headers.id,
            compress=True,
        )

    def _uncached_behavior(self, path: str) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
            path_pattern=path,
            target_origin_id="balancer",
            viewer_protocol_policy="https-only",
            allowed_methods=EVERY_METHOD,
            cached_methods=READ,
            cache_policy_id=CACHING_DISABLED,
            origin_request_policy_id=ALL_VIEWER,
            response_headers_policy_id=self._headers.id,
            compress=True,
        )

    def _distribute(
        self,
        part: str,
        domain: str,
        acl_arn: pulumi.Input[str],
        *,
        origins: Sequence[aws.cloudfront.DistributionOriginArgs],
        default: aws.cloudfront.DistributionDefaultCacheBehaviorArgs,
        behaviors: Sequence[aws.cloudfront.DistributionOrderedCacheBehaviorArgs],
    ) -> aws.cloudfront.Distribution:
        distribution = aws.cloudfront.Distribution(
            f"{self._name}-{part}",
            comment=self._context.name(part),
            enabled=True,
            aliases=[domain],
            origins=list(origins),
            default_cache_behavior=default,
            ordered_cache_behaviors=list(behaviors),
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=self._args.price_class,
            web_acl_id=acl_arn,
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=self._certificate_arn,
                minimum_protocol_version="TLSv1.2_2021",
                ssl_support_method="sni-only",
            ),
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(
                    restriction_type="none"
                )
            ),
            opts=self._child,
        )
        for kind in ("A", "AAAA"):
            aws.route53.Record(
                f"{self._name}-{part}-{kind.lower()}",
                zone_id=self._zone_id,
                name=domain,
                type=kind,
                aliases=[
                    aws.route53.RecordAliasArgs(
                        name=distribution.domain_name,
                        zone_id=distribution.hosted_zone_id,
                        evaluate_target_health=False,
                    )
                ],
                opts=self._child,
            )
        return distribution

    def _log(self, bucket: str) -> None:
        """v2 delivery, whose three parts live in us-east-1; the bucket needs no ACL for it."""
        to = aws.cloudwatch.LogDeliveryDestination(
            f"{self._name}-logs",
            region=EDGE_REGION,
            name=self._context.name("edge-logs"),
            output_format="json",
            delivery_destination_configuration=aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                destination_resource_arn=f"arn:aws:s3:::{bucket}/edge"
            ),
            opts=self._child,
        )
        for part, distribution in (("shop", self.shop), ("back-office", self.back_office)):
            source = aws.cloudwatch.LogDeliverySource(
                f"{self._name}-{part}-logs",
                region=EDGE_REGION,
                name=self._context.name(f"{part}-logs"),
                log_type="ACCESS_LOGS",
                resource_arn=distribution.arn,
                opts=self._child,
            )
            aws.cloudwatch.LogDelivery(
                f"{self._name}-{part}-delivery",
                region=EDGE_REGION,
                delivery_source_name=source.name,
                delivery_destination_arn=to.arn,
                record_fields=LOG_FIELDS,
                s3_delivery_configurations=[
                    aws.cloudwatch.LogDeliveryS3DeliveryConfigurationArgs(
                        enable_hive_compatible_path=False,
                        suffix_path=f"/{part}/{{yyyy}}/{{MM}}/{{dd}}/{{HH}}",
                    )
                ],
                opts=self._child,
            )
