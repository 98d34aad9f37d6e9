"""The preview's page: what changes, what the policies say, what it takes or costs."""

import json

from ci.release import previewing
from ci.release.previewing import Plan

URN = "urn:pulumi:shop::storestack::storestack:local:Store$docker:index/container:Container::"


def event(op: str, name: str, old: dict[str, object] | None, new: dict[str, object] | None) -> str:
    def state(inputs: dict[str, object] | None) -> dict[str, object] | None:
        return None if inputs is None else {"type": previewing.CONTAINER, "inputs": inputs}

    return json.dumps(
        {
            "resourcePreEvent": {
                "metadata": {"op": op, "urn": URN + name, "old": state(old), "new": state(new)}
            }
        }
    )


def test_one_machine_is_counted_in_containers_cores_and_memory() -> None:
    plan = previewing.take(
        [
            event("same", "edge", {"cpus": "2.0", "memory": 512}, {"cpus": "2.0", "memory": 512}),
            event(
                "create-replacement", "web", {"cpus": "1.0", "memory": 384}, {"cpus": "1.0", "memory": 512}
            ),
            event("replace", "web", {"cpus": "1.0", "memory": 384}, {"cpus": "1.0", "memory": 512}),
            event("delete-replaced", "web", {"cpus": "1.0", "memory": 384}, None),
            event("create", "worker", None, {"cpus": "0.5", "memory": 384}),
            event("delete", "mail", {"cpus": "0.5", "memory": 128}, None),
        ]
    )
    page = previewing.render("shop", plan)
    assert "### Preview of shop: 1 to replace, 1 to create, 1 to delete" in page
    assert "| containers | 3 | 3 | +0 |" in page
    assert "| MB of memory | 1024 | 1408 | +384 |" in page
    assert "| replace | web | Container |" in page
    assert "edge" not in page


def test_on_aws_the_difference_is_money() -> None:
    def instance(kind: str) -> dict[str, object]:
        return {"type": "aws:rds/instance:Instance", "urn": "a::b::c", "inputs": {"instanceClass": kind}}

    provider = {"type": "pulumi:providers:aws", "urn": "a::b::p", "inputs": {"region": "us-east-1"}}
    plan = Plan(
        [
            previewing.Step("same", "a::b::p", provider, provider),
            previewing.Step("update", "a::b::c", instance("db.t4g.micro"), instance("db.t4g.small")),
        ]
    )
    assert "| USD a month, at least | 11.68 | 23.36 | +11.68 |" in previewing.render("staging", plan)


def test_a_breached_policy_is_told_first() -> None:
    breach = {"policyName": "ECS-1", "message": "task is\n  privileged", "enforcementLevel": "mandatory"}
    plan = previewing.take([json.dumps({"policyEvent": breach})] * 2)
    assert plan.mandatory == ["ECS-1: task is privileged"]
    assert "1 mandatory policies are breached: this would not be released" in previewing.render("shop", plan)


def test_nothing_to_do_is_said_so() -> None:
    assert "### Preview of shop: no change" in previewing.render("shop", Plan())
