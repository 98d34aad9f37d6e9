"""The store's web part on Lambda: the same image, behind the Lambda web adapter that the image brings.

Creates the function in the app subnets, its role, its log group, a version per image behind the alias `live`,
and the balancer's leave to call it. Workers and releases stay on Fargate. Lambda's limits: an answer of 1 MB
through the balancer, 29 s for a request, no work after the answer, and a cold start for each new concurrent
request.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from stacks.aws import access, contract
from stacks.aws.balancer import Balancer
from stacks.aws.context import Context
from stacks.aws.settings import AwsSettings
from stacks.aws.store import Dependencies

VPC_ACCESS = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"


class Functions(pulumi.ComponentResource):
    """Outputs: `function`, its name."""

    def __init__(
        self,
        name: str,
        settings: AwsSettings,
        context: Context,
        *,
        needs: Dependencies,
        balancer: Balancer,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Functions", name, None, opts)
        args, child = settings.store, pulumi.ResourceOptions(parent=self)
        image = args.image or ""
        self.function = context.name("web", 64)
        log = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/{context.prefix}/web",
            retention_in_days=args.log_days,
            kms_key_id=needs.secrets.key_arn,
            opts=child,
        )
        role = access.Role(
            f"{name}-role",
            context.name("web-function"),
            access.trust("lambda.amazonaws.com", context.account),
            self,
            contract.statements("web", settings, needs.secrets, needs.media_bucket, needs.statements),
            managed={"vpc": VPC_ACCESS},
        )
        references = {item: needs.secrets.reference(item) for item in needs.secrets.arns}
        plain = contract.environment(settings, image, "web", references) | needs.plain
        # Lambda sets AWS_REGION itself and refuses to have it set.
        plain.pop("AWS_REGION")
        plain |= {"AWS_LWA_PORT": plain["PORT"], "AWS_LWA_READINESS_CHECK_PATH": "/health/live"}
        function = aws.lambda_.Function(
            f"{name}-web",
            name=self.function,
            package_type="Image",
            image_uri=image,
            image_config=aws.lambda_.FunctionImageConfigArgs(commands=contract.COMMANDS["web"])
            if args.bundled
            else None,
            architectures=[args.architecture],
            role=role.arn,
            memory_size=args.lambda_memory,
            timeout=29,
            reserved_concurrent_executions=args.lambda_concurrency,
            publish=True,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={**plain, **needs.urls}),
            kms_key_arn=needs.secrets.key_arn,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=log.name),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="PassThrough"),
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=list(needs.subnet_ids), security_group_ids=[needs.group_id]
            ),
            opts=child,
        )
        live = aws.lambda_.Alias(
            f"{name}-live",
            name="live",
            function_name=function.name,
            function_version=function.version,
            opts=child,
        )
        leave = aws.lambda_.Permission(
            f"{name}-balancer",
            action="lambda:InvokeFunction",
            function=function.name,
            qualifier=live.name,
            principal="elasticloadbalancing.amazonaws.com",
            source_arn=balancer.target_groups[0].arn,
            opts=child,
        )
        aws.lb.TargetGroupAttachment(
            f"{name}-target",
            target_group_arn=balancer.target_groups[0].arn,
            target_id=live.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[leave]),
        )
        self.register_outputs({"function": self.function})
