"""An order intake as many tutorials write it: API, Lambda, DynamoDB, a static site on CloudFront. No
Pulumi.yaml.
"""

import json

import pulumi
import pulumi_aws as aws

stack = pulumi.get_stack()
provider = aws.Provider(
    "tagged",
    region="eu-central-1",
    default_tags={"tags": {"owner": "orders", "environment": stack, "cost-centre": "11"}},
)
opts = pulumi.ResourceOptions(provider=provider)


def function_role(name: str) -> aws.iam.Role:
    return aws.iam.Role(
        name,
        assume_role_policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                    }
                ],
            }
        ),
        opts=opts,
    )


table = aws.dynamodb.Table(
    "orders",
    attributes=[aws.dynamodb.TableAttributeArgs(name="id", type="S")],
    hash_key="id",
    billing_mode="PAY_PER_REQUEST",
    opts=opts,
)
role = function_role("intake")
aws.iam.RolePolicy(
    "intake",
    role=role.name,
    policy=table.arn.apply(
        lambda arn: json.dumps({"Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}]})
    ),
    opts=opts,
)
aws.lambda_.Function(
    "intake",
    runtime="python3.13",
    handler="app.handler",
    role=role.arn,
    code=pulumi.AssetArchive({"app.py": pulumi.StringAsset("def handler(event, context): ...")}),
    environment={"variables": {"TABLE": table.name}},
    opts=opts,
)

site = aws.s3.BucketV2("site", opts=opts)
aws.s3.BucketVersioningV2("site", bucket=site.id, versioning_configuration={"status": "Enabled"}, opts=opts)
oac = aws.cloudfront.OriginAccessControl(
    "site",
    origin_access_control_origin_type="s3",
    signing_behavior="always",
    signing_protocol="sigv4",
    opts=opts,
)
aws.cloudfront.Distribution(
    "site",
    enabled=True,
    origins=[
        {
            "origin_id": "s3",
            "domain_name": site.bucket_regional_domain_name,
            "origin_access_control_id": oac.id,
        }
    ],
    default_cache_behavior={
        "target_origin_id": "s3",
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD"],
        "cached_methods": ["GET", "HEAD"],
        "response_headers_policy_id": "67f7725c-6f97-4210-82d7-5512b31e9d03",
    },
    restrictions={"geo_restriction": {"restriction_type": "none"}},
    viewer_certificate={"cloudfront_default_certificate": True},
    opts=opts,
)
queue_alarm = aws.cloudwatch.MetricAlarm(
    "errors",
    comparison_operator="GreaterThanThreshold",
    evaluation_periods=1,
    metric_name="Errors",
    namespace="AWS/Lambda",
    period=60,
    statistic="Sum",
    threshold=0,
    opts=opts,
)
