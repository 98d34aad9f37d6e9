import json

import net
import pulumi
import pulumi_aws as aws

cfg = pulumi.Config()
size = cfg.require_int("size")
azs = aws.get_availability_zones(state="available").names[:2]
tags = {"Name": pulumi.get_stack(), "Owner": "web-team", "Environment": pulumi.get_stack(), "CostCenter": "7"}

vpc = net.Network("wp", cidr="10.8.0.0/16", azs=azs, tags=tags)

lb_sg = aws.ec2.SecurityGroup("lb", vpc_id=vpc.vpc.id, tags=tags)
aws.vpc.SecurityGroupIngressRule(
    "lb-in",
    security_group_id=lb_sg.id,
    ip_protocol="tcp",
    from_port=443,
    to_port=443,
    cidr_ipv4="0.0.0.0/0",
    description="visitors",
)
task_sg = aws.ec2.SecurityGroup("task", vpc_id=vpc.vpc.id, tags=tags)
db_sg = aws.ec2.SecurityGroup(
    "db",
    vpc_id=vpc.vpc.id,
    ingress=[
        {
            "protocol": "tcp",
            "from_port": 3306,
            "to_port": 3306,
            "security_groups": [task_sg.id],
            "description": "wp",
        }
    ],
    tags=tags,
)

lb = aws.alb.LoadBalancer(
    "wp", subnets=vpc.public_ids, security_groups=[lb_sg.id], drop_invalid_header_fields=True, tags=tags
)
tg = aws.alb.TargetGroup(
    "wp",
    port=80,
    protocol="HTTP",
    target_type="ip",
    vpc_id=vpc.vpc.id,
    health_check={"path": "/wp-login.php"},
    tags=tags,
)
cert = aws.acm.Certificate("wp", domain_name=cfg.require("domain"), validation_method="DNS", tags=tags)
for option in [0]:
    aws.route53.Record(
        "validation",
        zone_id=aws.route53.get_zone(name="example.org").zone_id,
        name=cert.domain_validation_options[option].resource_record_name,
        type=cert.domain_validation_options[option].resource_record_type,
        records=[cert.domain_validation_options[option].resource_record_value],
        ttl=60,
    )
aws.alb.Listener(
    "tls",
    load_balancer_arn=lb.arn,
    port=443,
    protocol="HTTPS",
    certificate_arn=cert.arn,
    ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
    default_actions=[{"type": "forward", "target_group_arn": tg.arn}],
)
aws.alb.Listener(
    "http",
    load_balancer_arn=lb.arn,
    port=80,
    default_actions=[
        {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}}
    ],
)

params = aws.rds.ClusterParameterGroup(
    "wp",
    family="aurora-mysql8.0",
    parameters=[{"name": "require_secure_transport", "value": "ON"}],
    tags=tags,
)
db = aws.rds.Cluster(
    "wp",
    engine="aurora-mysql",
    master_username="wordpress",
    manage_master_user_password=True,
    storage_encrypted=True,
    db_cluster_parameter_group_name=params.name,
    db_subnet_group_name=aws.rds.SubnetGroup("wp", subnet_ids=vpc.private_ids).name,
    vpc_security_group_ids=[db_sg.id],
    backup_retention_period=14,
    tags=tags,
    opts=pulumi.ResourceOptions(protect=True),
)
for i in range(2):
    aws.rds.ClusterInstance(
        f"wp-{i}", cluster_identifier=db.id, engine="aurora-mysql", instance_class="db.t4g.medium"
    )

exec_role = aws.iam.Role(
    "exec",
    assume_role_policy=aws.iam.get_policy_document(
        statements=[
            {
                "actions": ["sts:AssumeRole"],
                "principals": [{"type": "Service", "identifiers": ["ecs-tasks.amazonaws.com"]}],
            }
        ]
    ).json,
    tags=tags,
)
logs = aws.cloudwatch.LogGroup("wp", retention_in_days=30, tags=tags)
cluster = aws.ecs.Cluster("wp", tags=tags)
task = aws.ecs.TaskDefinition(
    "wp",
    family="wp",
    cpu="512",
    memory="1024",
    network_mode="awsvpc",
    requires_compatibilities=["FARGATE"],
    execution_role_arn=exec_role.arn,
    container_definitions=pulumi.Output.json_dumps(
        [
            {
                "name": "wp",
                "image": "wordpress:6",
                "user": "33:33",
                "readonlyRootFilesystem": True,
                "environment": [{"name": "WORDPRESS_DB_HOST", "value": db.endpoint}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": logs.name, "awslogs-region": "eu-west-1"},
                },
            }
        ]
    ),
    tags=tags,
)
svc = aws.ecs.Service(
    "wp",
    cluster=cluster.arn,
    task_definition=task.arn,
    desired_count=size,
    launch_type="FARGATE",
    network_configuration={"subnets": vpc.private_ids, "security_groups": [task_sg.id]},
    load_balancers=[{"target_group_arn": tg.arn, "container_name": "wp", "container_port": 80}],
    deployment_circuit_breaker={"enable": True, "rollback": False},
    tags=tags,
)
target = aws.appautoscaling.Target(
    "wp",
    min_capacity=size,
    max_capacity=10,
    resource_id=pulumi.Output.concat("service/", cluster.name, "/", svc.name),
    scalable_dimension="ecs:service:DesiredCount",
    service_namespace="ecs",
)

media = aws.s3.Bucket("media", tags=tags)
aws.s3.BucketPublicAccessBlock(
    "media",
    bucket=media.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketVersioning("media", bucket=media.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketServerSideEncryptionConfiguration(
    "media", bucket=media.id, rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]
)
aws.s3.BucketPolicy(
    "media",
    bucket=media.id,
    policy=media.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, arn + "/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )
    ),
)
pulumi.export("address", lb.dns_name)
