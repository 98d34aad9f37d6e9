"""What holds for the whole graph of an environment, whatever role a resource is of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.aws.profiles import KEYS
from tests.stacks.aws.recording import Graph, record

RUNBOOKS = Path(__file__).parents[3] / "docs" / "aws" / "runbooks"
ENGINES = {
    "documents__enabled": "true",
    "wide_column__enabled": "true",
    "key_value__tables": '[{"name":"carts","partition_key":"id","sort_key":"line","expires":"until"}]',
    "database__replicas": "1",
    "delivery__repository": "acme/shop",
    "monitoring__guardduty": "make",
}


@pytest.fixture(scope="module")
def production() -> Graph:
    return record("production", **ENGINES)


@pytest.fixture(scope="module")
def staging() -> Graph:
    return record("staging")


def policies(graph: Graph) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every IAM, bucket, topic and key policy."""
    for item in graph.resources:
        for key in ("policy", "assumeRolePolicy"):
            text = item.inputs.get(key)
            if isinstance(text, str) and '"Statement"' in text:
                for statement in json.loads(text)["Statement"]:
                    yield item.name, statement


def test_everything_has_a_parent_and_stands_under_one_environment(production: Graph) -> None:
    orphans = [item.name for item in production.resources if item.custom and not item.parent]
    assert [name for name in orphans if name != "aws"] == []


def test_the_provider_tags_everything_with_the_four_tags(production: Graph) -> None:
    tags = production.one("aws").inputs["defaultTags"]
    tags = json.loads(tags) if isinstance(tags, str) else tags
    assert tags["tags"] == {
        "project": "storestack",
        "environment": "production",
        "owner": "platform",
        "cost_centre": "shop",
    }


def test_only_the_edge_is_public(production: Graph) -> None:
    assert all(item.inputs["internal"] for item in production.of("lb/loadBalancer:LoadBalancer"))
    assert not any(item.inputs.get("publiclyAccessible") for item in production.of("rds/instance:Instance"))
    assert not any(item.inputs.get("mapPublicIpOnLaunch") for item in production.of("ec2/subnet:Subnet"))
    services = production.of("ecs/service:Service")
    assert services
    assert not any(item.inputs["networkConfiguration"]["assignPublicIp"] for item in services)
    for bucket in production.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock"):
        assert all(
            bucket.inputs[key] for key in ("blockPublicAcls", "blockPublicPolicy", "restrictPublicBuckets")
        )


def test_no_security_group_takes_anything_from_the_internet(production: Graph) -> None:
    rules = production.of("securityGroupIngressRule:SecurityGroupIngressRule")
    assert rules
    for rule in rules:
        assert rule.inputs.get("cidrIpv4") in (None, "10.20.0.0/16"), rule.name
        assert rule.inputs["description"]


def test_only_the_app_and_the_pooler_reach_the_database(production: Graph) -> None:
    names = {item.name for item in production.of("SecurityGroupIngressRule")}
    assert {name for name in names if name.startswith("firewall-database-from")} == {
        "firewall-database-from-app",
        "firewall-database-from-pooler",
    }


def test_the_data_tier_has_no_way_out(production: Graph) -> None:
    routes = [item.inputs["routeTableId"] for item in production.of("ec2/route:Route")]
    assert "network-data-routes-id" not in routes


STATEFUL = (
    "rds/instance:Instance",
    "elasticache/replicationGroup:ReplicationGroup",
    "s3/bucket:Bucket",
    "kms/key:Key",
    "secretsmanager/secret:Secret",
    "ecr/repository:Repository",
    "docdb/cluster:Cluster",
    "dynamodb/table:Table",
    "keyspaces/keyspace:Keyspace",
    "backup/vault:Vault",
)


@pytest.mark.parametrize("kind", STATEFUL)
def test_production_protects_every_store_of_data(production: Graph, kind: str) -> None:
    assert production.of(kind)
    assert all(item.protect for item in production.of(kind))


def test_staging_protects_nothing(staging: Graph) -> None:
    assert not any(item.protect for item in staging.resources)


def test_every_store_of_data_is_encrypted_and_backed_up(production: Graph) -> None:
    for instance in production.of("rds/instance:Instance"):
        assert instance.inputs["storageEncrypted"]
        if "replicateSourceDb" not in instance.inputs:
            assert instance.inputs["backupRetentionPeriod"] == 35
    cache = production.one("cache-group").inputs
    assert cache["atRestEncryptionEnabled"]
    assert cache["transitEncryptionEnabled"]
    assert cache["authToken"]
    assert cache["snapshotRetentionLimit"] == 7
    assert production.one("documents-cluster").inputs["storageEncrypted"]
    table = production.one("key-value-carts").inputs
    assert table["pointInTimeRecovery"]["enabled"]
    assert table["serverSideEncryption"]["enabled"]
    copied = {
        item.inputs["resources"][0].rsplit(":", 1)[-1] for item in production.of("backup/selection:Selection")
    }
    assert copied == {"database-primary", "storage-media", "documents-cluster", "key-value-carts"}
    for bucket in production.of("s3/bucket:Bucket"):
        siblings = {
            item.type.split(":")[-1] for item in production.resources if item.name.startswith(bucket.name)
        }
        assert {
            "BucketServerSideEncryptionConfiguration", "BucketVersioning", "BucketPublicAccessBlock",
            "BucketLifecycleConfiguration", "BucketOwnershipControls", "BucketLogging", "BucketPolicy",
        } <= siblings  # fmt: skip


def test_every_alarm_tells_somebody_and_names_a_runbook_that_is_there(production: Graph) -> None:
    alarms = production.of("metricAlarm:MetricAlarm")
    assert len(alarms) > 20
    for alarm in alarms:
        assert alarm.inputs["alarmActions"], alarm.name
        assert alarm.inputs["okActions"], alarm.name
        runbook = alarm.inputs["alarmDescription"].split("Runbook: docs/aws/runbooks/")[1]
        assert (RUNBOOKS / runbook).is_file(), runbook


def test_every_runbook_is_of_an_alarm(production: Graph) -> None:
    memcached = record("staging", store__bundled="false", cache__engine="memcached")
    named = {
        alarm.inputs["alarmDescription"].rsplit("/", 1)[1]
        for graph in (production, memcached)
        for alarm in graph.of("metricAlarm:MetricAlarm")
    }
    assert {path.name for path in RUNBOOKS.glob("*.md")} == named


def test_alarms_of_the_edge_tell_the_topic_of_the_edges_region(production: Graph) -> None:
    for alarm in production.of("metricAlarm:MetricAlarm"):
        edge = alarm.inputs["namespace"] in ("AWS/CloudFront", "AWS/WAFV2")
        assert alarm.inputs["region"] == ("us-east-1" if edge else "eu-central-1")
        assert alarm.inputs["alarmActions"][0].endswith("edge-alarms" if edge else "alerts-alarms")


def test_every_log_group_forgets_in_time_and_is_encrypted(production: Graph) -> None:
    groups = production.of("cloudwatch/logGroup:LogGroup")
    assert all(item.inputs["retentionInDays"] == 365 and item.inputs["kmsKeyId"] for item in groups)


def test_every_key_rotates(production: Graph) -> None:
    assert all(item.inputs["enableKeyRotation"] for item in production.of("kms/key:Key"))


def test_no_role_may_do_everything_anywhere(production: Graph) -> None:
    for name, statement in policies(production):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Effect"] == "Allow" and not name.endswith("-key"):
            assert not [action for action in actions if action == "*" or action.endswith(":*")], name


def test_roles_of_services_can_be_taken_for_this_account_only(production: Graph) -> None:
    taken_by_tasks = {f"store-{part}-role" for part in ("web", "worker", "release")} | {"network-flow-role"}
    for name, statement in policies(production):
        if statement["Action"] == "sts:AssumeRole" and name in taken_by_tasks:
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012", name


def test_pipelines_are_pinned_to_their_repository_and_environment(production: Graph) -> None:
    subjects = {
        name: statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        for name, statement in policies(production)
        if statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    }
    assert subjects == {
        "delivery-plan": ["repo:acme/shop:pull_request", "repo:acme/shop:ref:refs/heads/main"],
        "delivery-apply": "repo:acme/shop:environment:production",
    }


def test_no_plain_secret_is_in_any_environment_or_output(production: Graph) -> None:
    for task in production.of("taskDefinition:TaskDefinition"):
        assert "made-by-aws" not in task.inputs["containerDefinitions"]
    assert "made-by-aws" not in json.dumps(production.outputs, default=str)


def test_a_rotated_secret_survives_an_up(production: Graph) -> None:
    versions = production.of("secretVersion:SecretVersion")
    # Stripe's are given: what the setting says is what is there.
    made = [item for item in versions if "stripe" not in item.name]
    assert (len(made), len(versions)) == (7, 9)
    assert all(item.ignored == ("secretString",) for item in made)


def test_outputs_have_their_names(production: Graph) -> None:
    assert {
        "url", "back_office_url", "image", "image_repository", "release_task", "cluster", "dashboard_url",
        "version",
        "release_network",
    } <= set(production.outputs)  # fmt: skip


def test_the_first_up_makes_all_but_the_store() -> None:
    graph = record("staging", store__compute="none", store__image=None)
    assert not graph.of("ecs/service:Service")
    assert graph.of("ecr/repository:Repository")
    assert graph.outputs["image_repository"].endswith("/storestack-staging/store")


def test_an_existing_vpc_is_used_and_nothing_is_made_in_it() -> None:
    graph = record(
        "staging",
        network__vpc_id="vpc-1",
        network__app_subnet_ids="subnet-1,subnet-2",
        network__data_subnet_ids="subnet-3,subnet-4",
    )
    assert not graph.of("ec2/vpc:Vpc")
    assert not graph.of("ec2/subnet:Subnet")
    assert graph.one("balancer-balancer").inputs["subnets"] == ["subnet-1", "subnet-2"]
    assert graph.one("database-subnets").inputs["subnetIds"] == ["subnet-3", "subnet-4"]


def test_every_key_of_the_table_says_why() -> None:
    assert all(key.why for key in KEYS.values())
