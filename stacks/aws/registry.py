"""The registry: one ECR repository for the store's images: scanned on push, tags that never move, old images
pruned.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import Context


class Registry(pulumi.ComponentResource):
    """Outputs: `url`, known before the repository is made, and `arn`."""

    def __init__(
        self,
        name: str,
        args: settings.Registry,
        context: Context,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Registry", name, None, opts)
        repository_name = f"{context.prefix}/store"
        self.url = f"{context.account}.dkr.ecr.{context.region}.amazonaws.com/{repository_name}"
        self.arn = context.arn("ecr", f"repository/{repository_name}")
        repository = aws.ecr.Repository(
            f"{name}-store",
            name=repository_name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key_arn)
            ],
            opts=context.stateful(self),
        )
        keep = {
            "rulePriority": 1,
            "description": f"Keep the newest {args.keep} for rollback",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": args.keep},
            "action": {"type": "expire"},
        }
        aws.ecr.LifecyclePolicy(
            f"{name}-store-lifecycle",
            repository=repository.name,
            policy=json.dumps({"rules": [keep]}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"url": self.url})
