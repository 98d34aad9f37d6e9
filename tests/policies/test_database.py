"""Stories of the policies of the database and the cache."""

from typing import Any

import pytest

from policies.graph import Resource, Secret
from tests.policies.cases import Case, breached, judge, kept, made, missing, run, stories

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
MEMBER = "aws:rds/clusterInstance:ClusterInstance"
REDIS = "aws:elasticache/replicationGroup:ReplicationGroup"


def database(**properties: Any) -> Resource:
    return made(INSTANCE, "shop", **{"engine": "postgres", **properties})


def replica(**properties: Any) -> Resource:
    return made(INSTANCE, "copy", replicateSourceDb="shop", **properties)


def parameters(kind: str = "rds/parameterGroup:ParameterGroup", **values: str) -> Resource:
    given = [{"name": name.replace("__", "."), "value": value} for name, value in values.items()]
    return made(f"aws:{kind}", "tuned", name="tuned", parameters=given)


def redis(**properties: Any) -> Resource:
    return made(REDIS, "carts", **properties)


TUNED = database(parameterGroupName="tuned", enabledCloudwatchLogsExports=["postgresql"])
AURORA = made(CLUSTER, "shop", engine="aurora-postgresql", dbClusterParameterGroupName="tuned")
SAFE_REDIS = {"atRestEncryptionEnabled": True, "transitEncryptionEnabled": True, "authToken": Secret("t")}
FINAL = {"skipFinalSnapshot": False, "finalSnapshotIdentifier": "last"}

CASES: list[Case] = [
    kept("database-not-public", "private", database(publiclyAccessible=False)),
    breached(
        "database-not-public", "public", "publiclyAccessible is true", database(publiclyAccessible=True)
    ),
    breached(
        "database-not-public",
        "a public member of a cluster",
        "is true",
        made(MEMBER, publiclyAccessible=True),
    ),
    missing("database-not-public", "private by default", None, database()),
    kept("database-encrypted", "encrypted", database(storageEncrypted=True)),
    breached("database-encrypted", "plain", "is false", database(storageEncrypted=False)),
    missing("database-encrypted", "plain by default", "is not set", database()),
    missing("database-encrypted", "a replica takes it from its source", None, replica()),
    kept("database-multi-az", "two zones", database(multiAz=True)),
    kept(
        "database-multi-az",
        "an Aurora cluster of two",
        AURORA,
        made(MEMBER, "a", clusterIdentifier="shop-id"),
        made(MEMBER, "b", clusterIdentifier="shop-id"),
    ),
    breached("database-multi-az", "one zone", "multiAz is false", database(multiAz=False)),
    breached(
        "database-multi-az",
        "an Aurora cluster of one",
        "1 found",
        AURORA,
        made(MEMBER, "a", clusterIdentifier="shop-id"),
    ),
    missing("database-multi-az", "one zone by default", "multiAz is not set", database()),
    kept("database-deletion-protection", "protected to the last", database(deletionProtection=True, **FINAL)),
    breached(
        "database-deletion-protection",
        "deletable",
        "deletionProtection is false",
        database(deletionProtection=False, **FINAL),
    ),
    breached(
        "database-deletion-protection",
        "gone without a snapshot",
        "skipFinalSnapshot is true",
        database(deletionProtection=True, skipFinalSnapshot=True),
    ),
    missing(
        "database-deletion-protection",
        "deletable by default",
        "deletionProtection is not set",
        database(**FINAL),
    ),
    missing(
        "database-deletion-protection",
        "a snapshot without a name",
        "finalSnapshotIdentifier is not set",
        database(deletionProtection=True),
    ),
    kept("database-backups", "two weeks", database(backupRetentionPeriod=14)),
    breached("database-backups", "one day", "is 1", database(backupRetentionPeriod=1)),
    breached("database-backups", "none", "is 0", database(backupRetentionPeriod=0)),
    missing("database-backups", "none by default", "is not set", database()),
    kept("database-logs", "exported, with slow queries", TUNED, parameters(log_min_duration_statement="500")),
    breached(
        "database-logs",
        "only upgrades exported",
        '["upgrade"]',
        database(enabledCloudwatchLogsExports=["upgrade"], parameterGroupName="own"),
    ),
    breached(
        "database-logs",
        "slow queries switched off",
        'is "-1"',
        TUNED,
        parameters(log_min_duration_statement="-1"),
    ),
    missing(
        "database-logs",
        "nothing exported",
        "enabledCloudwatchLogsExports is not set",
        database(parameterGroupName="own"),
    ),
    missing(
        "database-logs",
        "AWS's parameters log no query",
        "parameterGroupName is not set",
        database(enabledCloudwatchLogsExports=["postgresql"]),
    ),
    missing(
        "database-logs",
        "own parameters that log no query",
        "log_min_duration_statement",
        TUNED,
        parameters(rds__force_ssl="1"),
    ),
    kept("database-tls", "forced", TUNED, parameters(rds__force_ssl="1")),
    kept(
        "database-tls",
        "forced on a cluster",
        AURORA,
        parameters("rds/clusterParameterGroup:ClusterParameterGroup", rds__force_ssl="1"),
    ),
    kept("database-tls", "a parameter group from elsewhere", database(parameterGroupName="of-another-stack")),
    breached("database-tls", "switched off", 'is "0"', TUNED, parameters(rds__force_ssl="0")),
    breached(
        "database-tls",
        "AWS's own parameters",
        '"default.postgres17"',
        database(parameterGroupName="default.postgres17"),
    ),
    breached(
        "database-tls",
        "a proxy that takes plain text",
        "requireTls is false",
        made("aws:rds/proxy:Proxy", requireTls=False),
    ),
    missing(
        "database-tls",
        "own parameters that say nothing",
        "rds.force_ssl",
        TUNED,
        parameters(log_statement="ddl"),
    ),
    missing("database-tls", "no parameter group", "parameterGroupName is not set", database()),
    kept("database-managed-password", "AWS's own", database(manageMasterUserPassword=True)),
    breached(
        "database-managed-password",
        "a literal",
        "password is a literal (hidden)",
        database(password="hunter2"),
    ),
    breached(
        "database-managed-password",
        "a literal on a cluster",
        "masterPassword is a literal",
        made(CLUSTER, masterPassword=Secret("hunter2")),
    ),
    missing("database-managed-password", "nobody said", "manageMasterUserPassword is not set", database()),
    missing("database-managed-password", "a replica takes it from its source", None, replica()),
    kept(
        "database-upgrades",
        "upgraded and tagged",
        database(autoMinorVersionUpgrade=True, copyTagsToSnapshot=True),
    ),
    breached(
        "database-upgrades",
        "held back",
        "autoMinorVersionUpgrade is false",
        database(autoMinorVersionUpgrade=False, copyTagsToSnapshot=True),
    ),
    missing("database-upgrades", "snapshots lose their tags", "copyTagsToSnapshot is not set", database()),
    kept("database-monitoring", "watched", database(monitoringInterval=60, performanceInsightsEnabled=True)),
    breached(
        "database-monitoring",
        "switched off",
        "monitoringInterval is 0",
        database(monitoringInterval=0, performanceInsightsEnabled=True),
    ),
    missing(
        "database-monitoring",
        "off by default",
        "performanceInsightsEnabled is not set",
        database(monitoringInterval=60),
    ),
    kept(
        "database-identity",
        "IAM, and a name of its own",
        database(iamDatabaseAuthenticationEnabled=True, username="keeper"),
    ),
    breached(
        "database-identity",
        "the name everyone tries",
        '"postgres"',
        database(iamDatabaseAuthenticationEnabled=True, username="postgres"),
    ),
    missing(
        "database-identity",
        "no IAM",
        "iamDatabaseAuthenticationEnabled is not set",
        database(username="keeper"),
    ),
    kept("cache-encrypted", "encrypted, with a token", redis(**SAFE_REDIS)),
    kept(
        "cache-encrypted",
        "a serverless cache with users",
        made("aws:elasticache/serverlessCache:ServerlessCache", engine="redis", userGroupId="shop"),
    ),
    breached(
        "cache-encrypted",
        "plain in transit",
        "transitEncryptionEnabled is false",
        redis(**{**SAFE_REDIS, "transitEncryptionEnabled": False}),
    ),
    breached(
        "cache-encrypted",
        "plain text still taken",
        '"preferred"',
        redis(**SAFE_REDIS, transitEncryptionMode="preferred"),
    ),
    breached(
        "cache-encrypted",
        "a single Redis",
        'engine is "redis"',
        made("aws:elasticache/cluster:Cluster", engine="redis"),
    ),
    missing(
        "cache-encrypted",
        "no sign-in",
        "authToken or userGroupIds is not set",
        redis(atRestEncryptionEnabled=True, transitEncryptionEnabled=True),
    ),
    missing(
        "cache-encrypted",
        "plain at rest",
        "atRestEncryptionEnabled is not set",
        redis(transitEncryptionEnabled=True, userGroupIds=["shop"]),
    ),
    kept("cache-failover", "fails over", redis(automaticFailoverEnabled=True, multiAzEnabled=True)),
    breached(
        "cache-failover",
        "in one zone",
        "multiAzEnabled is false",
        redis(automaticFailoverEnabled=True, multiAzEnabled=False),
    ),
    missing(
        "cache-failover",
        "does not fail over",
        "automaticFailoverEnabled is not set",
        redis(multiAzEnabled=True),
    ),
    kept("cache-upkeep", "kept", redis(snapshotRetentionLimit=7, subnetGroupName="data")),
    breached(
        "cache-upkeep",
        "no snapshots",
        "snapshotRetentionLimit is 0",
        redis(snapshotRetentionLimit=0, subnetGroupName="data"),
    ),
    breached(
        "cache-upkeep",
        "AWS's subnets",
        '"default"',
        redis(snapshotRetentionLimit=7, subnetGroupName="default"),
    ),
    missing(
        "cache-upkeep",
        "no snapshots by default",
        "snapshotRetentionLimit is not set",
        redis(subnetGroupName="data"),
    ),
]


@stories(CASES)
def test_database(case: Case) -> None:
    run(case)


def test_no_message_shows_a_password() -> None:
    (verdict,) = judge("database-managed-password", [database(password="hunter2")])
    assert "hunter2" not in verdict.message


@pytest.mark.parametrize(
    ("engine", "name"), [("mysql", "require_secure_transport"), ("aurora-mysql", "require_secure_transport")]
)
def test_tls_is_forced_on_mysql_under_its_own_parameter(engine: str, name: str) -> None:
    shop = database(engine=engine, parameterGroupName="tuned")
    run(kept("database-tls", engine, shop, parameters(**{name: "ON"})))
    run(breached("database-tls", engine, name, shop, parameters(**{name: "OFF"})))
