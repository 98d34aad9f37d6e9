"""Policies of monitoring: keys, logs, topics, alarms, the trail, and tags that say whose a resource is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from policies.graph import Graph, Resource
from policies.rules import Finding, Findings, Level, Policy, Severity, Words

KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TOPIC = "aws:sns/topic:Topic"
ALARMS = ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm")
TRAIL = "aws:cloudtrail/trail:Trail"

# What costs money or holds data; all take `tags`.
TAGGED = (
    "aws:acm/certificate:Certificate",
    "aws:backup/plan:Plan",
    "aws:backup/vault:Vault",
    "aws:cloudfront/distribution:Distribution",
    "aws:cloudtrail/trail:Trail",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:dynamodb/table:Table",
    "aws:docdb/cluster:Cluster",
    "aws:ebs/volume:Volume",
    "aws:ec2/eip:Eip",
    "aws:ec2/instance:Instance",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/repository:Repository",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:efs/fileSystem:FileSystem",
    "aws:elasticache/cluster:Cluster",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:elasticache/serverlessCache:ServerlessCache",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:lambda/function:Function",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:lb/targetGroup:TargetGroup",
    "aws:memorydb/cluster:Cluster",
    "aws:opensearch/domain:Domain",
    "aws:alb/targetGroup:TargetGroup",
    "aws:rds/cluster:Cluster",
    "aws:rds/instance:Instance",
    "aws:rds/proxy:Proxy",
    "aws:route53/zone:Zone",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketV2:BucketV2",
    "aws:secretsmanager/secret:Secret",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:wafv2/webAcl:WebAcl",
)
REQUIRED_TAGS = ("owner", "environment", "cost_centre")

UPKEEP = Policy(
    number="61",
    id="monitoring-upkeep",
    rule="Rotate keys, expire logs, encrypt topics, and let every alarm call someone",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("KMS.4", "SNS.1"),
    pci=("3.7.4", "10.5.1", "10.7.2"),
    checkov=("CKV_AWS_7", "CKV_AWS_26"),
    mend="Set enableKeyRotation, retentionInDays, kmsMasterKeyId and alarmActions where they belong",
)


@UPKEEP.check(KEY)
def find_unrotated(key: Resource) -> Findings:
    # AWS rotates symmetric encryption keys only.
    symmetric = key.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
    if symmetric and not key.on("enableKeyRotation"):
        yield Finding("enableKeyRotation", key.get("enableKeyRotation"), "Set enableKeyRotation to true")


@UPKEEP.check(LOG_GROUP)
def find_endless_logs(group: Resource) -> Findings:
    if not group.get("retentionInDays"):  # 0 and none mean for ever
        yield Finding("retentionInDays", group.get("retentionInDays"), "Set retentionInDays, such as 400")


@UPKEEP.check(TOPIC)
def find_plain_topics(topic: Resource) -> Findings:
    if not topic.has("kmsMasterKeyId"):
        yield Finding("kmsMasterKeyId", None, "Set kmsMasterKeyId to a key that CloudWatch may use")


@UPKEEP.check(*ALARMS)
def find_mute_alarms(alarm: Resource) -> Findings:
    if not alarm.has("alarmActions"):
        yield Finding("alarmActions", None, "Set alarmActions to the topic that reaches the person on call")
    if alarm.get("actionsEnabled") is False:
        yield Finding("actionsEnabled", False, "Set actionsEnabled to true")


ACCOUNTING = Policy(
    number="62",
    id="account-trail-and-tags",
    rule="Record every API call, and tag every resource with its owner",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("CloudTrail.1", "CloudTrail.2", "CloudTrail.4"),
    pci=("10.2.1", "11.5.2"),
    checkov=("CKV_AWS_67", "CKV_AWS_36", "CKV_AWS_35"),
    mend="Set the provider's defaultTags once, with " + ", ".join(REQUIRED_TAGS),
)


@ACCOUNTING.check(TRAIL)
def find_weak_trails(trail: Resource) -> Findings:
    mend = "Set isMultiRegionTrail and enableLogFileValidation to true, and kmsKeyId"
    for path in ("isMultiRegionTrail", "enableLogFileValidation"):
        if not trail.on(path):
            yield Finding(path, trail.get(path), mend)
    if not trail.has("kmsKeyId"):
        yield Finding("kmsKeyId", None, mend)
    if trail.get("enableLogging") is False:
        yield Finding("enableLogging", False, "Set enableLogging to true")


def normalise(tag: str) -> str:
    """Tag names by meaning: `Cost-Center`, `costCentre` and `cost_centre` are one."""
    name = "".join(letter for letter in tag.lower() if letter.isalnum()).replace("center", "centre")
    return {"env": "environment"}.get(name, name)


def default_tags(resource: Resource, graph: Graph) -> Mapping[str, Any]:
    """The tags that the resource's provider adds; nested provider settings travel as JSON text."""
    provider = graph.find(resource.provider.rpartition("::")[0]) or graph.find(resource.provider)
    settings = provider.get("defaultTags") if provider else None
    settings = json.loads(settings) if isinstance(settings, str) else settings
    tags = settings.get("tags") if isinstance(settings, Mapping) else None
    return tags if isinstance(tags, Mapping) else {}


@ACCOUNTING.check(*TAGGED)
def find_untagged(resource: Resource, graph: Graph) -> Findings:
    own = [resource.get(path) for path in ("tags", "tagsAll")]
    given = [tags for tags in (*own, default_tags(resource, graph)) if isinstance(tags, Mapping)]
    names = {normalise(name) for tags in given for name, value in tags.items() if value not in (None, "")}
    missing = missing_tags(names)
    if missing:
        yield Finding("tags", Words(f"without {', '.join(missing)}"))


def missing_tags(names: Iterable[str]) -> list[str]:
    return [tag for tag in REQUIRED_TAGS if normalise(tag) not in set(names)]
