"""Storage: the media bucket that CloudFront serves, and the bucket that takes everybody's logs.

Both are private, encrypted, versioned, reachable by TLS only, without ACLs, with a lifecycle. The logs bucket
uses S3's own key, because the balancer's log delivery can use no other.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context


class Storage(pulumi.ComponentResource):
    """Outputs: `media` and `logs`, the buckets. `allow_reading` finishes the media bucket's policy."""

    def __init__(
        self,
        name: str,
        args: settings.Storage,
        context: Context,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Storage", name, None, opts)
        self._name, self._context, self._args = name, context, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.media_name = context.name(f"media-{context.account}-{context.region}")
        self.logs_name = context.name(f"logs-{context.account}-{context.region}")
        self.logs = self._make("logs", self.logs_name, None)
        self._keep_days("logs", self.logs, args.log_days)
        self.logs_ready = self._protect_policy("logs", self.logs, self._delivery_statements())
        self.media = self._make("media", self.media_name, key_arn)
        self._keep_days("media", self.media, None)
        for part, bucket in (("logs", self.logs), ("media", self.media)):
            aws.s3.BucketLogging(
                f"{name}-{part}-access-log",
                bucket=bucket.id,
                target_bucket=self.logs.id,
                target_prefix=f"s3/{part}/",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.logs_ready]),
            )
        self.register_outputs({"media": self.media.id, "logs": self.logs.id})

    def allow_reading(self, distributions: list[pulumi.Output[str]]) -> None:
        """Let exactly these CloudFront distributions read the media bucket."""
        self._protect_policy(
            "media",
            self.media,
            [
                access.grant(
                    "cloudfront.amazonaws.com",
                    ["s3:GetObject"],
                    f"arn:aws:s3:::{self.media_name}/*",
                    {"StringEquals": {"aws:SourceArn": distributions}},
                )
            ],
        )

    def _make(self, part: str, bucket_name: str, key_arn: pulumi.Input[str] | None) -> aws.s3.Bucket:
        name, child = f"{self._name}-{part}", self._child
        bucket = aws.s3.Bucket(name, bucket=bucket_name, opts=self._context.stateful(self))
        aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-owner",
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        aws.s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms" if key_arn else "AES256", kms_master_key_id=key_arn
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default, bucket_key_enabled=key_arn is not None
                )
            ],
            opts=child,
        )
        return bucket

    def _keep_days(self, part: str, bucket: aws.s3.Bucket, days: int | None) -> None:
        """Delete current objects after `days` (never when None), old versions and broken uploads after their
        time.
        """
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-{part}-lifecycle",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="tidy",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days)
                    if days
                    else None,
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=self._args.old_version_days
                    ),
                    abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=7
                    ),
                )
            ],
            opts=self._child,
        )

    def _delivery_statements(self) -> list[dict[str, Any]]:
        """What AWS's own log writers may do: put objects, each below its prefix, for this account only."""
        context, arn = self._context, f"arn:aws:s3:::{self.logs_name}"
        account = {"StringEquals": {"aws:SourceAccount": context.account}}
        balancers = context.arn("elasticloadbalancing", "loadbalancer/*")
        writers = (
            (
                "logdelivery.elasticloadbalancing.amazonaws.com",
                "balancer",
                {"ArnLike": {"aws:SourceArn": balancers}},
            ),
            ("delivery.logs.amazonaws.com", "edge", account),
            ("logging.s3.amazonaws.com", "s3", account),
            ("cloudtrail.amazonaws.com", "trail", self._trails()),
        )
        return [
            *(
                access.grant(service, ["s3:PutObject"], f"{arn}/{prefix}/*", condition)
                for service, prefix, condition in writers
            ),
            access.grant("cloudtrail.amazonaws.com", ["s3:GetBucketAcl"], arn, self._trails()),
        ]

    def _trails(self) -> dict[str, Any]:
        return {"ArnLike": {"aws:SourceArn": self._context.arn("cloudtrail", "trail/*")}}

    def _protect_policy(
        self, part: str, bucket: aws.s3.Bucket, statements: list[dict[str, Any]]
    ) -> aws.s3.BucketPolicy:
        arn = f"arn:aws:s3:::{self.logs_name if part == 'logs' else self.media_name}"
        tls_only = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return aws.s3.BucketPolicy(
            f"{self._name}-{part}-policy",
            bucket=bucket.id,
            policy=access.document([tls_only, *statements]),
            opts=self._child,
        )
