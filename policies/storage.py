"""Policies of storage: S3 buckets with the resources beside them, and what must be protected because it is
data.
"""

from __future__ import annotations

import re

from policies import documents
from policies.graph import Graph, Resource, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACCOUNT_PUBLIC_ACCESS = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
VERSIONING = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
LIFECYCLE = (
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
)
LOGGING = ("aws:s3/bucketLogging:BucketLogging", "aws:s3/bucketLoggingV2:BucketLoggingV2")
OBJECTS = (
    "aws:s3/bucketObject:BucketObject",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/objectCopy:ObjectCopy",
)
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
EVERYONE = re.compile(r"/groups/global/(AllUsers|AuthenticatedUsers)$")
SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

# What takes a bucket as the place of its logs: such a bucket need not log its own requests.
LOG_WRITERS = (
    *((type_, "targetBucket") for type_ in LOGGING),
    ("aws:lb/loadBalancer:LoadBalancer", "accessLogs.bucket"),
    ("aws:alb/loadBalancer:LoadBalancer", "accessLogs.bucket"),
    ("aws:cloudtrail/trail:Trail", "s3BucketName"),
    ("aws:ec2/flowLog:FlowLog", "logDestination"),
    ("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "logDestinationConfigs"),
    (
        "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
        "deliveryDestinationConfiguration.destinationResourceArn",
    ),
    ("aws:cloudfront/distribution:Distribution", "loggingConfig.bucket"),
)

PRIVATE = Policy(
    number="56",
    id="bucket-private",
    rule="Block public access, force TLS, encrypt and version every bucket",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("S3.8", "S3.5", "S3.14"),
    pci=("1.4.2", "4.2.1"),
    checkov=("CKV2_AWS_6", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
    mend="Put beside the bucket: a BucketPublicAccessBlock with all four switches true, a "
    "BucketServerSideEncryptionConfiguration, a BucketVersioning with status Enabled, and a BucketPolicy "
    "that denies "
    "every request with aws:SecureTransport false",
)


@PRIVATE.check(*BUCKETS)
def find_exposed(bucket: Resource, graph: Graph) -> Findings:
    blocks = [*graph.referring(bucket, "bucket", PUBLIC_ACCESS), *graph.of_type(ACCOUNT_PUBLIC_ACCESS)]
    if not blocks:
        yield Missing("s3 BucketPublicAccessBlock")
    for switch in SWITCHES if blocks else ():
        if not any(block.on(switch) for block in blocks):
            yield Finding(f'{switch} of "{blocks[0].name}"', blocks[0].get(switch))
    inline_encryption = ("serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations")
    if not any(bucket.has(path) for path in inline_encryption) and not graph.referring(
        bucket, "bucket", *ENCRYPTION
    ):
        yield Missing("s3 BucketServerSideEncryptionConfiguration")
    yield from find_unversioned(bucket, graph)
    policies = [
        *graph.referring(bucket, "bucket", BUCKET_POLICY),
        *([bucket] if bucket.has("policy") else []),
    ]
    if not policies:
        yield Missing("s3 BucketPolicy that denies plain HTTP")
    elif not any(documents.denies_plain_http(documents.read(policy, "policy")) for policy in policies):
        yield Missing("statement in its BucketPolicy that denies plain HTTP (aws:SecureTransport false)")
    for policy in policies:
        if documents.allows_everyone(documents.read(policy, "policy")):
            mend = "Name the accounts, roles or services that may read, or serve it through CloudFront"
            yield Finding(f'policy of "{policy.name}"', Words("open to everyone"), mend)


@PRIVATE.check(*BUCKETS, *ACLS, *OBJECTS)
def find_public_acls(resource: Resource) -> Findings:
    mend = "Leave ACLs out, and serve what is public through CloudFront"
    if resource.get("acl") in PUBLIC_ACLS:
        yield Finding("acl", resource.get("acl"), mend)
    for place in ("grants", "accessControlPolicy.grants"):
        for path, grant in resource.items(place):
            uri = pick(grant, "grantee.uri") or pick(grant, "uri")
            if uri and EVERYONE.search(uri):
                yield Finding(f"{path}.uri", uri, mend)


def find_unversioned(bucket: Resource, graph: Graph) -> Findings:
    if bucket.on("versioning.enabled") or bucket.on("versionings[0].enabled"):
        return
    versionings = graph.referring(bucket, "bucket", *VERSIONING)
    if not versionings:
        yield Missing("s3 BucketVersioning")
    for versioning in versionings:
        status = versioning.get("versioningConfiguration.status")
        if status != "Enabled":
            yield Finding(f'versioningConfiguration.status of "{versioning.name}"', status)


UPKEEP = Policy(
    number="57",
    id="bucket-upkeep",
    rule="Expire old objects, log requests and switch ACLs off",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("S3.13", "S3.9", "S3.12"),
    pci=("3.2.1",),
    checkov=("CKV2_AWS_61", "CKV2_AWS_65"),
    mend="Put beside the bucket: a BucketLifecycleConfiguration, a BucketLogging, and "
    "BucketOwnershipControls with "
    "objectOwnership BucketOwnerEnforced",
)


@UPKEEP.check(*BUCKETS)
def find_neglected(bucket: Resource, graph: Graph) -> Findings:
    if not bucket.has("lifecycleRules") and not graph.referring(bucket, "bucket", *LIFECYCLE):
        yield Missing("s3 BucketLifecycleConfiguration")
    logs = bucket.has("logging") or bucket.has("loggings") or graph.referring(bucket, "bucket", *LOGGING)
    if not logs and not any(graph.referring(bucket, path, type_) for type_, path in LOG_WRITERS):
        yield Missing("s3 BucketLogging")
    ownership = graph.referring(bucket, "bucket", OWNERSHIP)
    for control in ownership:
        if control.get("rule.objectOwnership") != "BucketOwnerEnforced":
            yield Finding(f'rule.objectOwnership of "{control.name}"', control.get("rule.objectOwnership"))
    if bucket.has("acl") or graph.referring(bucket, "bucket", *ACLS):
        yield Finding("acl", bucket.get("acl", "given by a BucketAcl"))
    elif not ownership:
        yield Missing("s3 BucketOwnershipControls")


STATEFUL = (
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:elasticache/serverlessCache:ServerlessCache",
    "aws:memorydb/cluster:Cluster",
    "aws:docdb/cluster:Cluster",
    "aws:dynamodb/table:Table",
    "aws:keyspaces/table:Table",
    "aws:efs/fileSystem:FileSystem",
    "aws:opensearch/domain:Domain",
    "aws:ebs/volume:Volume",
    "aws:backup/vault:Vault",
    *BUCKETS,
)

PROTECT = Policy(
    number="52",
    id="data-protected",
    rule="Protect what holds data from being deleted by an update",
    level=Level.PRODUCTION,
    severity=Severity.CRITICAL,
    link="https://www.pulumi.com/docs/iac/concepts/resources/options/protect/",
    mend="Pass ResourceOptions(protect=True)",
)


@PROTECT.check(*STATEFUL)
def find_unprotected(resource: Resource) -> Findings:
    # A replica can be made again from its source.
    if not resource.protect and not resource.has("replicateSourceDb"):
        yield Finding("protect", False)
