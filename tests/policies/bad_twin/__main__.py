"""The kit's bad twin: a program in which every policy is breached. It is recorded in tests and never
deployed.
"""

import json
from typing import Any

import pulumi_aws as aws
import pulumi_docker as docker

# Edge and balancer: plain HTTP everywhere, one zone, no logs, no firewall that blocks.
balancer = aws.lb.LoadBalancer("shop", subnets=["subnet-1"], desync_mitigation_mode="monitor")
targets = aws.lb.TargetGroup("shop", port=80, protocol="HTTP", vpc_id="vpc-1")
forward = aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)
aws.lb.Listener("http", load_balancer_arn=balancer.arn, port=80, protocol="HTTP", default_actions=[forward])
aws.lb.Listener(
    "https",
    load_balancer_arn=balancer.arn,
    port=443,
    protocol="HTTPS",
    ssl_policy="ELBSecurityPolicy-2016-08",
    default_actions=[forward],
)
bucket = aws.s3.Bucket("media")
aws.cloudfront.Distribution(
    "shop",
    enabled=True,
    origins=[
        aws.cloudfront.DistributionOriginArgs(
            origin_id="media",
            domain_name=bucket.bucket_regional_domain_name,
            s3_origin_config=aws.cloudfront.DistributionOriginS3OriginConfigArgs(
                origin_access_identity="origin-access-identity/cloudfront/E1"
            ),
        ),
        aws.cloudfront.DistributionOriginArgs(
            origin_id="shop",
            domain_name=balancer.dns_name,
            custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                http_port=80,
                https_port=443,
                origin_protocol_policy="http-only",
                origin_ssl_protocols=["SSLv3"],
            ),
        ),
    ],
    default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
        target_origin_id="media",
        viewer_protocol_policy="allow-all",
        allowed_methods=["GET", "HEAD"],
        cached_methods=["GET", "HEAD"],
    ),
    restrictions=aws.cloudfront.DistributionRestrictionsArgs(
        geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
    ),
    viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True),
)
aws.wafv2.WebAcl(
    "shop",
    scope="REGIONAL",
    default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
    visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
        cloudwatch_metrics_enabled=False, metric_name="shop", sampled_requests_enabled=False
    ),
)
aws.acm.Certificate("shop", domain_name="shop.example", key_algorithm="RSA_1024", validation_method="EMAIL")

# Compute: one privileged root container with its secrets in the environment, deployed without a way back.
role = aws.iam.Role(
    "shop",
    assume_role_policy=json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    ),
)
aws.iam.RolePolicy(
    "everything",
    role=role.id,
    policy=json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
)
container: dict[str, Any] = {
    "name": "web",
    "image": "shop:latest",
    "privileged": True,
    "user": "root",
    "environment": [{"name": "DATABASE_PASSWORD", "value": "hunter2"}],
}
task = aws.ecs.TaskDefinition(
    "shop",
    family="shop",
    network_mode="host",
    pid_mode="host",
    task_role_arn=role.arn,
    execution_role_arn=role.arn,
    container_definitions=json.dumps([container]),
)
cluster = aws.ecs.Cluster("shop")
service = aws.ecs.Service(
    "shop",
    cluster=cluster.arn,
    task_definition=task.arn,
    desired_count=1,
    deployment_minimum_healthy_percent=0,
    platform_version="1.3.0",
    enable_execute_command=True,
    network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
        subnets=["subnet-1"], assign_public_ip=True
    ),
)
aws.appautoscaling.Target(
    "shop",
    service_namespace="ecs",
    scalable_dimension="ecs:service:DesiredCount",
    resource_id=service.name.apply(lambda name: f"service/shop/{name}"),
    min_capacity=1,
    max_capacity=4,
)
aws.ecr.Repository("shop")

# Data: public, plain, unbacked.
firewall = aws.ec2.SecurityGroup(
    "data",
    vpc_id="vpc-1",
    ingress=[
        aws.ec2.SecurityGroupIngressArgs(
            protocol="tcp", from_port=5432, to_port=5432, cidr_blocks=["0.0.0.0/0"]
        )
    ],
)
aws.rds.Instance(
    "shop",
    engine="postgres",
    instance_class="db.t4g.small",
    allocated_storage=20,
    username="postgres",
    password="hunter2",
    publicly_accessible=True,
    skip_final_snapshot=True,
    auto_minor_version_upgrade=False,
    vpc_security_group_ids=[firewall.id],
)
aws.elasticache.ReplicationGroup("shop", description="carts", engine="redis", node_type="cache.t4g.small")

# Network and account: nothing watched, nothing tagged.
network = aws.ec2.Vpc("shop", cidr_block="10.0.0.0/16")
aws.ec2.Subnet("private", vpc_id=network.id, cidr_block="10.0.0.0/24", map_public_ip_on_launch=True)
aws.kms.Key("shop")
aws.cloudwatch.LogGroup("shop")
aws.sns.Topic("alarms")
aws.cloudtrail.Trail("shop", s3_bucket_name=bucket.id)

# The local target's own mistakes.
docker.Network("data")
docker.Container(
    "database", image="postgres:17", privileged=True, ports=[{"internal": 5432, "external": 5432}]
)
docker.RemoteImage("nginx", name="nginx:latest")
