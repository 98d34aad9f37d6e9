"""The pack as the engine meets it: over its protocol, in its own process and environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import analyzer_pb2 as messages

from policies.catalogue import POLICIES
from policies.graph import SECRET, SIGNATURE
from policies.verdicts import WAIVERS
from tests.policies import engine
from tests.policies.cases import made
from tests.policies.interpreters import ROOT

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PUBLIC = made("aws:lb/loadBalancer:LoadBalancer", "public", dropInvalidHeaderFields=True, subnets=["a", "b"])
WAIVER = {"policy": "balancer-logs", "resource": "public", "reason": "Soon.", "expires": "2999-01-01"}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with engine.served() as client:
        yield client


def levels(diagnostics: list[Any]) -> dict[str, int]:
    return {item.policyName: item.enforcementLevel for item in diagnostics}


def test_all_policies_are_listed_with_what_a_person_needs(client: Any) -> None:
    engine.configure(client, "staging")
    listed = {item.name: item for item in engine.information(client).policies}
    assert set(listed) == {policy.id for policy in (*POLICIES, WAIVERS)}
    for policy in POLICIES:
        info = listed[policy.id]
        assert (info.description, info.remediation_steps, info.url) == (policy.rule, policy.mend, policy.url)
        assert info.severity != messages.POLICY_SEVERITY_UNSPECIFIED
        assert set(policy.references) <= set(info.tags)


def test_production_makes_its_policies_mandatory(client: Any) -> None:
    engine.configure(client, "staging")
    assert levels(engine.analyze(client, PUBLIC))["balancer-logs"] == messages.ADVISORY
    engine.configure(client, "production")
    assert levels(engine.analyze(client, PUBLIC))["balancer-logs"] == messages.MANDATORY


def test_a_waiver_of_the_stacks_settings_is_followed(client: Any) -> None:
    engine.configure(client, "production", {"policies:waivers": json.dumps([WAIVER])})
    (told,) = [item for item in engine.analyze(client, PUBLIC) if item.policyName == "balancer-logs"]
    assert told.enforcementLevel == messages.ADVISORY
    assert "Waived until 2999-01-01: Soon." in told.message


def test_an_expired_waiver_stops_the_stack(client: Any) -> None:
    expired = json.dumps([{**WAIVER, "expires": "2020-01-01"}])
    engine.configure(client, "staging", {"policies:waivers": expired})
    assert levels(engine.analyze_stack(client, []))["waiver-expired"] == messages.MANDATORY


def test_a_wrong_setting_stops_the_preview_with_one_clear_line(client: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        engine.configure(client, "production", {"policies:levels": '{"balancer-log": "advisory"}'})
    assert "did you mean 'balancer-logs'?" in str(error.value)


def test_the_command_lines_own_settings_win() -> None:
    with engine.served() as client:
        engine.configure(client, "production")
        engine.override(client, messages.DISABLED, "balancer-logs")
        assert "balancer-logs" not in levels(engine.analyze(client, PUBLIC))


def test_a_value_not_known_yet_is_told_as_advice(client: Any) -> None:
    engine.configure(client, "production")
    task = made(
        "aws:ecs/taskDefinition:TaskDefinition", containerDefinitions=UNKNOWN_TEXT, networkMode="awsvpc"
    )
    told = engine.analyze(client, task)
    assert {item.enforcementLevel for item in told} == {messages.ADVISORY}
    assert "containerDefinitions is not known before the update" in told[0].message


def test_resources_beside_one_another_are_judged_by_what_they_asked_for(client: Any) -> None:
    engine.configure(client, "production")
    association = made(
        "aws:wafv2/webAclAssociation:WebAclAssociation",
        refers={"resourceArn": PUBLIC},
        resourceArn=UNKNOWN_TEXT,
    )
    for resource in (PUBLIC, association):
        engine.analyze(client, resource)
    assert "balancer-firewall" in levels(engine.analyze_stack(client, [PUBLIC]))
    assert "balancer-firewall" not in levels(engine.analyze_stack(client, [PUBLIC, association]))


def test_no_secret_reaches_a_message(client: Any) -> None:
    engine.configure(client, "production")
    secret = {SIGNATURE: SECRET, "value": "hunter2"}
    told = engine.analyze(client, made("aws:rds/instance:Instance", password=secret, username=secret))
    assert "database-managed-password" in levels(told)
    assert not [item.message for item in told if "hunter2" in item.message]


def test_the_pack_says_which_release_it_was_built_with(client: Any) -> None:
    assert engine.plugin_version(client).startswith("1.")


def test_a_pack_started_in_its_own_folder_looks_for_places_where_its_starter_runs() -> None:
    script = "from policies.analyzer import find_program; print(find_program())"
    for folder, expected in ((engine.PACK, Path.cwd()), (ROOT / "docs", ROOT / "docs")):
        told = subprocess.run(
            [
                engine.find_pack_python(),
                "-c",
                f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert Path(told.stdout.strip()) == expected
