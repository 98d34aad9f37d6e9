"""The load generator on AWS: off by default, alone in its VPC, with the least rights."""

import json
from typing import Any

import pytest

from stacks.settings import SettingsError
from tests.stacks.aws.recording import ACCOUNT, DIGEST, Graph, record

IMAGE = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/storestack-production/loadgen@{DIGEST}"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record("production", loadgen__image=IMAGE, loadgen__workers="3", loadgen__cpu="2048")


def own(graph: Graph, type_: str) -> list[Any]:
    return [item for item in graph.of(type_) if item.name.startswith("loadgen")]


def container(graph: Graph, part: str) -> dict[str, Any]:
    (found,) = json.loads(graph.one(f"loadgen-{part}-task").inputs["containerDefinitions"])
    return dict(found)


def environment(graph: Graph, part: str) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(graph, part)["environment"]}


def test_without_an_image_nothing_of_it_is_made() -> None:
    plain = record("production")
    assert [item.name for item in plain.resources if item.name.startswith("loadgen")] == []
    assert not any(name.startswith("loadgen") for name in plain.outputs)


def test_an_image_without_a_digest_is_refused() -> None:
    with pytest.raises(SettingsError, match="pinned by digest"):
        record("production", loadgen__image="example.com/loadgen:latest")


def test_it_has_a_vpc_of_its_own_with_one_way_out_and_no_way_in(graph: Graph) -> None:
    assert graph.one("loadgen-network-vpc").inputs["cidrBlock"] == "10.99.0.0/20"
    assert len(own(graph, "natGateway:NatGateway")) == 1
    (rule,) = own(graph, "SecurityGroupIngressRule")
    assert rule.inputs["referencedSecurityGroupId"] == rule.inputs["securityGroupId"]
    assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (5557, 5557)
    assert not own(graph, "ecs/service:Service"), "it costs nothing of Fargate until a run is started"
    network = json.loads(graph.outputs["loadgen_network"])["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "DISABLED"
    assert not own(graph, "vpcPeeringConnection:VpcPeeringConnection")


def test_the_master_may_write_reports_and_the_workers_may_do_nothing(graph: Graph) -> None:
    policies = [item for item in own(graph, "iam/rolePolicy:RolePolicy") if "network" not in item.name]
    (policy,) = policies
    assert policy.name == "loadgen-master-role-policy"
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["s3:PutObject"]
    (resource,) = statement["Resource"]
    assert resource.endswith("/loadgen/*")


def test_both_parts_run_by_digest_unprivileged_on_a_read_only_root(graph: Graph) -> None:
    for part in ("master", "worker"):
        found = container(graph, part)
        assert found["image"] == IMAGE
        assert found["readonlyRootFilesystem"]
        assert not found["privileged"]
        assert found["command"] == ["python", "-m", "loadtests.remote", part]
        assert found["secrets"] == []


def test_the_master_waits_for_a_process_of_each_vcpu_of_each_worker(graph: Graph) -> None:
    assert environment(graph, "master")["LOADGEN_WORKERS"] == "6"
    assert environment(graph, "worker")["LOADGEN_PROCESSES"] == "2"
    assert environment(graph, "worker")["STORESTACK_LOAD_HOSTS"] == "shop.example.com"


def test_its_names_are_its_own(graph: Graph) -> None:
    for type_ in ("logGroup:LogGroup", "iam/role:Role", "securityGroup:SecurityGroup"):
        names = [item.inputs["name"] for item in graph.of(type_)]
        assert len(names) == len(set(names)), type_
