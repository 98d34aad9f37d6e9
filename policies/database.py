"""Policies of the database: RDS instances, Aurora clusters, their parameter groups and proxies."""

from __future__ import annotations

from collections.abc import Iterator

from policies.graph import Graph, Resource, UnknownValueError, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity, Words

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
DOCUMENTS = "aws:docdb/cluster:Cluster"
PROXY = "aws:rds/proxy:Proxy"
# Which property of a database names its parameter group, and the group's type.
PARAMETER_GROUPS = {
    INSTANCE: ("parameterGroupName", "aws:rds/parameterGroup:ParameterGroup"),
    CLUSTER: ("dbClusterParameterGroupName", "aws:rds/clusterParameterGroup:ClusterParameterGroup"),
}
BACKUP_DAYS = 7
ADMIN_NAMES = ("postgres", "admin", "administrator", "root", "master", "rdsadmin", "sa", "user")
# The logs that show failed sign-ins and slow queries, by engine family.
LOG_EXPORTS = {
    "postgres": ("postgresql",),
    "mysql": ("error", "slowquery"),
    "mariadb": ("error", "slowquery"),
}
FORCED_TLS = {
    "postgres": "rds.force_ssl",
    "mysql": "require_secure_transport",
    "mariadb": "require_secure_transport",
    "sqlserver": "rds.force_ssl",
}
QUERY_LOGS = {
    "postgres": ("log_min_duration_statement", "log_statement"),
    "mysql": ("slow_query_log",),
    "mariadb": ("slow_query_log",),
}


def is_replica(database: Resource) -> bool:
    """Replicas take encryption, credentials and backups from their source."""
    return database.has("replicateSourceDb") or database.has("replicationSourceIdentifier")


def family(database: Resource) -> str:
    """The engine without Aurora's prefix: postgres, mysql, mariadb or another."""
    engine = str(database.get("engine", "")).removeprefix("aurora-")
    for known in ("postgres", "sqlserver"):
        if engine.startswith(known):
            return known
    return "mysql" if engine == "aurora" else engine


def parameters(group: Resource) -> dict[str, str]:
    return {
        str(pick(item, "name")): str(pick(item, "value"))
        for _, item in group.items("parameters")
        if pick(item, "value") is not None
    }


def parameter_groups(database: Resource, graph: Graph) -> Iterator[Resource]:
    path, type_ = PARAMETER_GROUPS[database.type]
    yield from graph.referred(database, path, type_)


def has_default_parameters(database: Resource) -> bool:
    """Whether a database runs on AWS's own parameter group, which nobody can change."""
    path = PARAMETER_GROUPS[database.type][0]
    try:
        return str(database.get(path, "default.")).startswith("default.")
    except UnknownValueError:
        return False


PUBLIC = Policy(
    number="41",
    id="database-not-public",
    rule="Keep the database off the internet",
    level=Level.MANDATORY,
    severity=Severity.CRITICAL,
    fsbp=("RDS.2",),
    pci=("1.4.1",),
    checkov=("CKV_AWS_17",),
    mend="Set publiclyAccessible to false",
)


@PUBLIC.check(INSTANCE, CLUSTER_INSTANCE, CLUSTER)
def find_public(database: Resource) -> Findings:
    if database.on("publiclyAccessible"):
        yield Finding("publiclyAccessible", True)


ENCRYPTION = Policy(
    number="42",
    id="database-encrypted",
    rule="Encrypt the database at rest",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("RDS.3",),
    pci=("3.5.1",),
    checkov=("CKV_AWS_16",),
    mend="Set storageEncrypted to true; an existing database is encrypted by restoring an encrypted snapshot",
)


@ENCRYPTION.check(INSTANCE, CLUSTER, DOCUMENTS)
def find_unencrypted(database: Resource) -> Findings:
    if is_replica(database) and not database.has("storageEncrypted"):
        return
    if not database.on("storageEncrypted"):
        yield Finding("storageEncrypted", database.get("storageEncrypted"))


MULTI_AZ = Policy(
    number="43",
    id="database-multi-az",
    rule="Run the database in two availability zones",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    fsbp=("RDS.5",),
    checkov=("CKV_AWS_157",),
    mend="Set multiAz to true, or give an Aurora cluster a second instance",
)


@MULTI_AZ.check(INSTANCE)
def find_single_zone(database: Resource) -> Findings:
    if not is_replica(database) and not database.on("multiAz"):
        yield Finding("multiAz", database.get("multiAz"))


@MULTI_AZ.check(CLUSTER)
def find_single_instance(cluster: Resource, graph: Graph) -> Findings:
    # A Multi-AZ DB cluster (not Aurora) brings its own readers.
    if cluster.has("dbClusterInstanceClass") or is_replica(cluster):
        return
    instances = graph.referring(cluster, "clusterIdentifier", CLUSTER_INSTANCE)
    if len(instances) < 2:
        yield Missing(f"second ClusterInstance ({len(instances)} found)")


DELETION = Policy(
    number="44",
    id="database-deletion-protection",
    rule="Protect the database from deletion, and snapshot it at the end",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    fsbp=("RDS.8",),
    checkov=("CKV_AWS_293",),
    mend="Set deletionProtection to true, skipFinalSnapshot to false and a finalSnapshotIdentifier",
)


@DELETION.check(INSTANCE, CLUSTER, DOCUMENTS)
def find_deletable(database: Resource) -> Findings:
    if not database.on("deletionProtection"):
        yield Finding("deletionProtection", database.get("deletionProtection"))
    if is_replica(database):
        return
    if database.on("skipFinalSnapshot"):
        yield Finding("skipFinalSnapshot", True)
    elif not database.has("finalSnapshotIdentifier"):
        yield Finding("finalSnapshotIdentifier")


BACKUPS = Policy(
    number="45",
    id="database-backups",
    rule="Keep a week of backups or more",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    fsbp=("RDS.11",),
    checkov=("CKV_AWS_133",),
    mend=f"Set backupRetentionPeriod to {BACKUP_DAYS} days or more",
)


@BACKUPS.check(INSTANCE, CLUSTER, DOCUMENTS)
def find_short_backups(database: Resource) -> Findings:
    days = database.get("backupRetentionPeriod")
    if not is_replica(database) and (days is None or days < BACKUP_DAYS):
        yield Finding("backupRetentionPeriod", days)


LOGS = Policy(
    number="46",
    id="database-logs",
    rule="Export the database's logs, slow queries among them",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("RDS.9", "RDS.36"),
    pci=("10.2.1",),
    checkov=("CKV_AWS_129", "CKV2_AWS_30"),
    mend='Set enabledCloudwatchLogsExports to ["postgresql"] and log_min_duration_statement in the '
    "parameter group",
)


@LOGS.check(INSTANCE, CLUSTER)
def find_unexported(database: Resource) -> Findings:
    exports = database.get("enabledCloudwatchLogsExports") or []
    if not set(LOG_EXPORTS.get(family(database), ())) <= set(exports):
        yield Finding("enabledCloudwatchLogsExports", exports or None)


@LOGS.check(INSTANCE, CLUSTER)
def find_unlogged_queries(database: Resource, graph: Graph) -> Findings:
    wanted = QUERY_LOGS.get(family(database))
    if wanted is None:
        return
    if has_default_parameters(database):
        yield Finding(PARAMETER_GROUPS[database.type][0], database.get(PARAMETER_GROUPS[database.type][0]))
    for group in parameter_groups(database, graph):
        given = parameters(group)
        if not any(
            given.get(name) not in (None, "-1", "none", "0" if "slow" in name else "-1") for name in wanted
        ):
            yield Finding(f'parameters["{wanted[0]}"] of "{group.name}"', given.get(wanted[0]))


TLS = Policy(
    number="47",
    id="database-tls",
    rule="Force TLS between the store and its database",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("RDS.38",),
    pci=("4.2.1",),
    checkov=("CKV2_AWS_69",),
    mend='Give it a parameter group with rds.force_ssl "1" (require_secure_transport "1" on MySQL)',
)


@TLS.check(INSTANCE, CLUSTER)
def find_plain_connections(database: Resource, graph: Graph) -> Findings:
    name = FORCED_TLS.get(family(database))
    if name is None:
        return
    if has_default_parameters(database):
        path = PARAMETER_GROUPS[database.type][0]
        yield Finding(path, database.get(path))
    for group in parameter_groups(database, graph):
        value = parameters(group).get(name)
        if value is None or value.upper() not in ("1", "ON", "TRUE"):
            yield Finding(f'parameters["{name}"] of "{group.name}"', value)


@TLS.check(PROXY)
def find_plain_proxy(proxy: Resource) -> Findings:
    if not proxy.on("requireTls"):
        yield Finding("requireTls", proxy.get("requireTls"), "Set requireTls to true")


PASSWORD = Policy(
    number="48",
    id="database-managed-password",
    rule="Let AWS make and rotate the master password",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("SecretsManager.1",),
    pci=("8.3.2",),
    mend="Set manageMasterUserPassword to true, remove the password, and read it from the secret by "
    "reference",
)


@PASSWORD.check(INSTANCE, CLUSTER, DOCUMENTS)
def find_own_password(database: Resource) -> Findings:
    for path in ("password", "passwordWo", "masterPassword", "masterPasswordWo"):
        if database.has(path):
            yield Finding(path, Words("a literal (hidden)"))
            return
    if not is_replica(database) and not database.on("manageMasterUserPassword"):
        yield Finding("manageMasterUserPassword", database.get("manageMasterUserPassword"))


UPGRADES = Policy(
    number="49",
    id="database-upgrades",
    rule="Take minor upgrades, and tag snapshots",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("RDS.13", "RDS.17"),
    pci=("6.3.3",),
    checkov=("CKV_AWS_226", "CKV2_AWS_60"),
    mend="Set autoMinorVersionUpgrade and copyTagsToSnapshot to true",
)


@UPGRADES.check(INSTANCE, CLUSTER, CLUSTER_INSTANCE)
def find_stale(database: Resource) -> Findings:
    if database.get("autoMinorVersionUpgrade") is False:  # on by default
        yield Finding("autoMinorVersionUpgrade", False)
    if database.type != CLUSTER_INSTANCE and not database.on("copyTagsToSnapshot"):
        yield Finding("copyTagsToSnapshot", database.get("copyTagsToSnapshot"))


MONITORING = Policy(
    number="50",
    id="database-monitoring",
    rule="Watch the database closely",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("RDS.6",),
    pci=("10.2.1",),
    checkov=("CKV_AWS_118", "CKV_AWS_353"),
    mend="Set monitoringInterval to 60 seconds or less with a monitoringRoleArn, and "
    "performanceInsightsEnabled to true",
)


@MONITORING.check(INSTANCE, CLUSTER_INSTANCE)
def find_unwatched(database: Resource) -> Findings:
    if not database.get("monitoringInterval"):
        yield Finding("monitoringInterval", database.get("monitoringInterval"))
    if not database.on("performanceInsightsEnabled"):
        yield Finding("performanceInsightsEnabled", database.get("performanceInsightsEnabled"))


IDENTITY = Policy(
    number="51",
    id="database-identity",
    rule="Allow IAM sign-in, and name the administrator yourself",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("RDS.10", "RDS.25"),
    pci=("8.2.1",),
    checkov=("CKV_AWS_161",),
    mend="Set iamDatabaseAuthenticationEnabled to true and a username of your own",
)


@IDENTITY.check(INSTANCE, CLUSTER)
def find_default_identity(database: Resource) -> Findings:
    if not database.on("iamDatabaseAuthenticationEnabled"):
        yield Finding("iamDatabaseAuthenticationEnabled", database.get("iamDatabaseAuthenticationEnabled"))
    path = "masterUsername" if database.type == CLUSTER else "username"
    if str(database.get(path, "")).lower() in ADMIN_NAMES:
        yield Finding(path, database.get(path))
