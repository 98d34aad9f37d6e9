"""A command of the store on an AWS stack: what is asked of AWS, held against AWS's own description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import get_session
from botocore.stub import Stubber

from ci import login, outputs
from ci.cloud import Cloud, run_command
from ci.deployment import DeploymentError

NETWORK = {
    "awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
}
OUTPUTS = {
    "cluster": "storestack-staging-store",
    "worker_task": "storestack-staging-worker",
    "release_network": json.dumps(NETWORK),
    "region": "eu-central-1",
}
DEFINITION = "arn:aws:ecs:eu-central-1:123456789012:task-definition/storestack-staging-worker:7"
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/storestack-staging-store/0a1b"
COMMAND = ["python", "-m", "app", "login"]
LINK = "https://back-office.shop.example.com/welcome?token=abc"


class Account:
    """AWS, as far as it is told what to answer; a call it was not told of fails the test."""

    def __init__(self) -> None:
        session = get_session()
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
        self.cloud = Cloud(session.create_client("ecs", **keys), session.create_client("logs", **keys))
        self.ecs, self.logs = Stubber(self.cloud.ecs), Stubber(self.cloud.logs)
        self.ecs.activate()
        self.logs.activate()

    def expect_start(self, command: list[str], failures: tuple[str, ...] = ()) -> None:
        log = {"awslogs-group": "/storestack-staging/store", "awslogs-stream-prefix": "worker"}
        container = {"name": "worker", "logConfiguration": {"logDriver": "awslogs", "options": log}}
        definition = {"taskDefinitionArn": DEFINITION, "containerDefinitions": [container]}
        asked = {"taskDefinition": OUTPUTS["worker_task"]}
        self.ecs.add_response("describe_task_definition", {"taskDefinition": definition}, asked)
        tasks = [] if failures else [{"taskArn": TASK}]
        self.ecs.add_response(
            "run_task",
            {"tasks": tasks, "failures": [{"reason": reason} for reason in failures]},
            {
                "cluster": OUTPUTS["cluster"],
                "taskDefinition": DEFINITION,
                "launchType": "FARGATE",
                "networkConfiguration": NETWORK,
                "overrides": {"containerOverrides": [{"name": "worker", "command": command}]},
            },
        )

    def expect_end(self, code: int | None, lines: list[str], reason: str = "") -> None:
        asked = {"cluster": OUTPUTS["cluster"], "tasks": [TASK]}
        ended: dict[str, Any] = {"reason": reason} if code is None else {"exitCode": code}
        for status in ("PENDING", "RUNNING", "STOPPED"):
            answer = {"tasks": [{"taskArn": TASK, "lastStatus": status, "containers": [ended]}]}
            self.ecs.add_response("describe_tasks", answer, asked)
        self.logs.add_response(
            "get_log_events",
            {"events": [{"timestamp": 1, "message": line} for line in lines]},
            {
                "logGroupName": "/storestack-staging/store",
                "logStreamName": "worker/worker/0a1b",
                "startFromHead": True,
            },
        )


@pytest.fixture
def account() -> Iterator[Account]:
    made = Account()
    yield made
    made.ecs.assert_no_pending_responses()
    made.logs.assert_no_pending_responses()


def test_a_command_runs_as_a_task_of_the_worker_and_its_lines_come_back(account: Account) -> None:
    account.expect_start(COMMAND)
    account.expect_end(0, ["one", "two"])
    waits: list[float] = []
    assert run_command(OUTPUTS, COMMAND, account.cloud, waits.append) == ["one", "two"]
    assert len(waits) == 2


def test_a_command_that_fails_says_why(account: Account) -> None:
    account.expect_start(COMMAND)
    account.expect_end(1, ["app login: No such administrator"])
    with pytest.raises(DeploymentError, match=r"No such administrator\n.*exit code 1"):
        run_command(OUTPUTS, COMMAND, account.cloud, lambda _: None)


def test_a_task_that_never_started_says_why(account: Account) -> None:
    account.expect_start(COMMAND)
    account.expect_end(None, [], "CannotPullContainerError")
    with pytest.raises(DeploymentError, match="CannotPullContainerError"):
        run_command(OUTPUTS, COMMAND, account.cloud, lambda _: None)


def test_a_task_that_finds_no_place_says_why(account: Account) -> None:
    account.expect_start(COMMAND, ("Capacity is unavailable",))
    with pytest.raises(DeploymentError, match="Capacity is unavailable"):
        run_command(OUTPUTS, COMMAND, account.cloud, lambda _: None)


def test_a_refusal_of_aws_is_one_line(account: Account) -> None:
    account.ecs.add_client_error("describe_task_definition", "AccessDeniedException", "not authorized")
    with pytest.raises(DeploymentError, match=r"AWS refuses: .*not authorized"):
        run_command(OUTPUTS, COMMAND, account.cloud)


def test_a_stack_without_a_store_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"no output cluster.*store:compute none"):
        run_command({"region": "eu-central-1"}, COMMAND)


def test_login_finds_the_link_among_the_lines(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "read", lambda _stack: OUTPUTS)
    account.expect_start([*COMMAND, "--email", "ada@example.com"])
    account.expect_end(
        0, ['{"event": "started"}', "For ada@example.com, good for 30 minutes and once:", LINK]
    )
    monkeypatch.setattr("ci.cloud.PAUSE", 0.01)
    monkeypatch.setattr("time.sleep", lambda _: None)
    found = login.make_link_on_aws("staging", "ada@example.com", account.cloud)
    assert found == (LINK, "For ada@example.com, good for 30 minutes and once:")
