"""Policies of the cache: ElastiCache."""

from __future__ import annotations

from policies.graph import Resource
from policies.rules import Finding, Findings, Level, Policy, Severity

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
CLUSTER = "aws:elasticache/cluster:Cluster"
SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"
MEMORYDB = "aws:memorydb/cluster:Cluster"

ENCRYPTION = Policy(
    number="53",
    id="cache-encrypted",
    rule="Encrypt the cache at rest and in transit, behind a sign-in",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ElastiCache.4", "ElastiCache.5", "ElastiCache.6"),
    pci=("4.2.1",),
    checkov=("CKV_AWS_29", "CKV_AWS_30", "CKV_AWS_31"),
    mend="Set atRestEncryptionEnabled and transitEncryptionEnabled to true, and authToken or userGroupIds",
)


@ENCRYPTION.check(GROUP)
def find_open_groups(group: Resource) -> Findings:
    for path in ("atRestEncryptionEnabled", "transitEncryptionEnabled"):
        if not group.on(path):
            yield Finding(path, group.get(path))
    if group.get("transitEncryptionMode") == "preferred":
        yield Finding(
            "transitEncryptionMode", "preferred", 'Set it to "required": "preferred" still takes plain text'
        )
    if not any(group.has(path) for path in ("authToken", "authTokenWo", "userGroupIds")):
        yield Finding("authToken or userGroupIds")


@ENCRYPTION.check(CLUSTER)
def find_open_clusters(cluster: Resource) -> Findings:
    if cluster.has("replicationGroupId"):
        return  # takes all of it from its group
    engine = cluster.get("engine")
    if engine == "memcached":
        if not cluster.on("transitEncryptionEnabled"):
            yield Finding("transitEncryptionEnabled", cluster.get("transitEncryptionEnabled"))
    else:
        yield Finding(
            "engine",
            engine,
            "Use a ReplicationGroup: a single cluster knows no encryption at rest and no sign-in",
        )


@ENCRYPTION.check(SERVERLESS)
def find_open_serverless(cache: Resource) -> Findings:
    # A serverless cache is always encrypted; only the sign-in is a choice.
    if cache.get("engine") != "memcached" and not cache.has("userGroupId"):
        yield Finding("userGroupId", None, "Set userGroupId")


@ENCRYPTION.check(MEMORYDB)
def find_open_memorydb(cluster: Resource) -> Findings:
    if cluster.get("tlsEnabled") is False:  # on by default
        yield Finding("tlsEnabled", False, "Leave tlsEnabled out or set it to true")
    if cluster.get("aclName") == "open-access":
        yield Finding("aclName", "open-access", "Name an ACL whose users have passwords")


FAILOVER = Policy(
    number="54",
    id="cache-failover",
    rule="Let the cache fail over to another zone",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("ElastiCache.3",),
    checkov=("CKV2_AWS_50",),
    mend="Set automaticFailoverEnabled and multiAzEnabled to true, with a replica",
)


@FAILOVER.check(GROUP)
def find_single(group: Resource) -> Findings:
    for path in ("automaticFailoverEnabled", "multiAzEnabled"):
        if not group.on(path):
            yield Finding(path, group.get(path))
    for path, least in (("numCacheClusters", 2), ("replicasPerNodeGroup", 1)):
        number = group.get(path)
        if number is not None and number < least:
            yield Finding(path, number, f"Set {path} to {least} or more: there is nothing to fail over to")


UPKEEP = Policy(
    number="55",
    id="cache-upkeep",
    rule="Snapshot the cache, in subnets of its own, with minor upgrades",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("ElastiCache.1", "ElastiCache.7", "ElastiCache.2"),
    checkov=("CKV_AWS_134", "CKV_AWS_323"),
    mend="Set snapshotRetentionLimit to 1 day or more, subnetGroupName, and autoMinorVersionUpgrade to true",
)


@UPKEEP.check(GROUP)
def find_neglected(group: Resource) -> Findings:
    if not group.get("snapshotRetentionLimit"):
        yield Finding("snapshotRetentionLimit", group.get("snapshotRetentionLimit"))
    if not group.has("subnetGroupName") or group.properties.get("subnetGroupName") == "default":
        yield Finding("subnetGroupName", group.get("subnetGroupName"))
    if str(group.get("autoMinorVersionUpgrade", True)).lower() == "false":  # on by default
        yield Finding("autoMinorVersionUpgrade", False)


@UPKEEP.check(SERVERLESS)
def find_neglected_serverless(cache: Resource) -> Findings:
    for path in ("snapshotRetentionLimit", "subnetIds"):
        if not cache.get(path) and not (
            path == "snapshotRetentionLimit" and cache.get("engine") == "memcached"
        ):
            yield Finding(path, cache.get(path), "Set snapshotRetentionLimit to 1 day or more, and subnetIds")
