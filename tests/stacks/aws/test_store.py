"""The inputs of the store's resources: containers, services, releases, scaling, jobs, functions."""

from __future__ import annotations

import json

import pytest

from tests.stacks.aws.recording import DIGEST, Graph, container, environment, record


@pytest.mark.parametrize("part", ["web", "worker", "release"])
def test_containers_are_locked_down(production: Graph, part: str) -> None:
    found = container(production, part)
    assert found["readonlyRootFilesystem"]
    assert not found["privileged"]
    assert found["user"] == "10001:10001"
    assert found["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert found["image"].endswith(DIGEST)
    assert found["logConfiguration"]["options"]["awslogs-group"] == "/storestack-production/store"
    task = production.one(f"store-{part}-task").inputs
    assert task["networkMode"] == "awsvpc"
    assert task["executionRoleArn"] != task["taskRoleArn"]


def test_the_containers_find_their_contract(production: Graph) -> None:
    plain = environment(production, "web")
    assert plain["PORT"] == "8000"
    assert plain["PUBLIC_URL"] == "https://shop.example.com"
    assert plain["IMAGE_DIGEST"] == DIGEST
    assert plain["SESSION_KEY_SECRET_ARN"].endswith("secret:storestack-production/session-key")
    secrets = {item["name"]: item["valueFrom"] for item in container(production, "web")["secrets"]}
    assert set(secrets) == {"DATABASE_URL", "DATABASE_DIRECT_URL", "CACHE_URL"}
    assert secrets["DATABASE_URL"].endswith("parameter/storestack-production/DATABASE_URL")


def test_only_the_release_knows_the_migrator_and_the_master(production: Graph) -> None:
    assert "DATABASE_MIGRATOR_PASSWORD_SECRET_ARN" in environment(production, "release")
    assert "DATABASE_MIGRATOR_PASSWORD_SECRET_ARN" not in environment(production, "web")
    names = {item["name"] for item in container(production, "release")["secrets"]}
    assert {"DATABASE_MASTER_SECRET_ARN", "DATABASE_MIGRATOR_URL"} <= names
    for part, knows in (("web", False), ("worker", False), ("release", True)):
        policy = production.one(f"store-{part}-role-policy").inputs["policy"]
        assert ("arn:aws:mock:::master" in policy) is knows


def test_urls_hold_no_password_and_check_the_servers_certificate(production: Graph) -> None:
    pooled = production.one("store-database-url").inputs
    assert pooled["type"] == "SecureString"
    assert pooled["value"].startswith(
        "postgresql://store@database-proxy.example:5432/store?sslmode=verify-full"
    )
    direct = production.one("store-database-direct-url").inputs["value"]
    assert direct.startswith("postgresql://store@database-primary.example")
    assert production.one("store-cache-url").inputs["value"] == "rediss://cache-group.example:6379/0"


def test_tasks_start_only_once_their_logs_roles_and_addresses_are_there(production: Graph) -> None:
    waits = {urn.rsplit("::", 1)[1] for urn in production.one("store-web-service").dependencies}
    assert {
        "store-store-logs",
        "store-database-url",
        "store-web-role-policy",
        "store-execution-policy",
        "secrets-session-key-value",
    } <= waits


def test_a_rolling_release_has_breaker_rollback_and_alarms(production: Graph) -> None:
    inputs = production.one("store-web-service").inputs
    assert inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert inputs["alarms"]["rollback"]
    assert "storestack-production-web-errors" in inputs["alarms"]["alarmNames"]
    assert inputs["deploymentMinimumHealthyPercent"] == 100
    assert inputs["waitForSteadyState"]


@pytest.mark.parametrize(
    ("setting", "strategy"), [("blue_green", "BLUE_GREEN"), ("canary", "CANARY"), ("linear", "LINEAR")]
)
def test_a_switching_release_bakes_watches_alarms_and_keeps_its_weights(setting: str, strategy: str) -> None:
    graph = record("production", store__deployment=setting, store__bake_minutes="10")
    inputs = graph.one("store-web-service").inputs
    configuration = inputs["deploymentConfiguration"]
    assert configuration["strategy"] == strategy
    assert configuration["bakeTimeInMinutes"] == "10"
    assert "deploymentCircuitBreaker" not in inputs
    assert inputs["alarms"]["rollback"]
    switch = inputs["loadBalancers"][0]["advancedConfiguration"]
    assert switch["alternateTargetGroupArn"] != inputs["loadBalancers"][0]["targetGroupArn"]
    assert switch["productionListenerRule"]
    assert graph.one("balancer-hosts").ignored == ("actions",)
    assert graph.one("store-worker-service").inputs["deploymentCircuitBreaker"]["rollback"]
    if setting == "canary":
        assert configuration["canaryConfiguration"]["canaryPercent"] == 10
    if setting == "linear":
        assert configuration["linearConfiguration"]["stepPercent"] == 25


def test_autoscaling_owns_the_number_of_tasks(production: Graph) -> None:
    for service in production.of("ecs/service:Service"):
        assert "desiredCount" in service.ignored
    web = production.one("store-web-scaling").inputs
    assert (web["minCapacity"], web["maxCapacity"]) == (2, 20)
    label = production.one("store-web-requests").inputs["targetTrackingScalingPolicyConfiguration"]
    assert (
        label["predefinedMetricSpecification"]["resourceLabel"]
        == "app/balancer-balancer/1/app/balancer-blue/1"
    )
    assert (
        production.one("store-worker-cpu").inputs["targetTrackingScalingPolicyConfiguration"]["targetValue"]
        == 55
    )


def test_without_autoscaling_nothing_scales() -> None:
    assert not record("staging", store__autoscaling="false").of("appautoscaling/target:Target")


def test_a_sale_becomes_scheduled_scaling_of_web_and_workers() -> None:
    sale = {
        "name": "black-friday", "starts": "2026-11-27T00:00:00+01:00", "ends": "2026-11-28T00:00:00+01:00",
        "minimum_web": 12, "minimum_workers": 4,
    }  # fmt: skip
    graph = record("production", store__sales=json.dumps([sale]))
    actions = {item.name: item.inputs for item in graph.of("scheduledAction:ScheduledAction")}
    assert set(actions) == {
        f"store-{part}-black-friday-{side}" for part in ("web", "worker") for side in ("begins", "ends")
    }
    begins = actions["store-web-black-friday-begins"]
    assert begins["schedule"] == "at(2026-11-26T22:45:00)"
    assert begins["scalableTargetAction"] == {"minCapacity": 12, "maxCapacity": 20}
    assert actions["store-worker-black-friday-ends"]["scalableTargetAction"]["minCapacity"] == 2


def test_spot_takes_only_what_is_above_the_minimum(staging: Graph, production: Graph) -> None:
    strategies = staging.one("store-web-service").inputs["capacityProviderStrategies"]
    assert strategies == [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 50},
        {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 50},
    ]
    assert len(production.one("store-web-service").inputs["capacityProviderStrategies"]) == 1


def test_a_job_runs_the_workers_image_on_its_schedule() -> None:
    job = {
        "name": "reconcile",
        "command": ["python", "-m", "app", "reconcile"],
        "schedule": "cron(0 3 * * ? *)",
    }
    graph = record("staging", store__jobs=json.dumps([job]))
    inputs = graph.one("store-job-reconcile").inputs
    assert inputs["scheduleExpression"] == "cron(0 3 * * ? *)"
    assert json.loads(inputs["target"]["input"])["containerOverrides"][0]["command"] == job["command"]
    assert "iam:PassRole" in graph.one("store-jobs-policy").inputs["policy"]


def test_the_release_may_be_a_step_ahead_of_what_serves() -> None:
    ahead = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/store@sha256:" + "cd" * 32
    graph = record("production", store__release_image=ahead)
    assert container(graph, "release")["image"] == ahead
    assert container(graph, "web")["image"].endswith(DIGEST)


def test_on_lambda_the_balancer_calls_the_published_version_and_workers_stay() -> None:
    graph = record("staging", store__compute="lambda")
    function = graph.one("functions-web").inputs
    assert function["publish"]
    assert function["reservedConcurrentExecutions"] == 20
    assert "AWS_REGION" not in function["environment"]["variables"]
    assert function["environment"]["variables"]["DATABASE_URL"].startswith("postgresql://store@")
    assert graph.one("balancer-blue").inputs["targetType"] == "lambda"
    assert graph.one("functions-live").inputs["name"] == "live"
    assert [item.name for item in graph.of("ecs/service:Service")] == ["store-worker-service"]
