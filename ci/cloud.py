"""Runs a command of the store as a task of an AWS stack, and returns what it printed.

What runs is the worker's task definition, in the store's subnets: it reaches the database, and it may read
the secrets. AWS is asked with the credentials of the environment.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from ci.deployment import DeploymentError

# A task starts in about a minute: its image is pulled first.
SECONDS: Final = 300
PAUSE: Final = 3.0


@dataclass(frozen=True)
class Cloud:
    """The two services asked."""

    ecs: Any
    logs: Any

    @classmethod
    def connect(cls, region: str) -> Cloud:
        session = get_session()
        return cls(
            session.create_client("ecs", region_name=region),
            session.create_client("logs", region_name=region),
        )


def run_command(
    outputs: Mapping[str, Any],
    command: Sequence[str],
    cloud: Cloud | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Run `command` and return its lines. Raises DeploymentError when it does not start, end, or succeed."""
    missing = [
        name for name in ("cluster", "worker_task", "release_network", "region") if name not in outputs
    ]
    if missing:
        raise DeploymentError(
            f"the stack has no output {missing[0]}: its store is not there (store:compute none), or an older "
            "release made it; run `pulumi up`"
        )
    try:
        return _run(outputs, command, cloud or Cloud.connect(str(outputs["region"])), wait)
    except (ClientError, BotoCoreError) as error:
        raise DeploymentError(f"AWS refuses: {error}") from error


def _run(
    outputs: Mapping[str, Any], command: Sequence[str], cloud: Cloud, wait: Callable[[float], None]
) -> list[str]:
    definition = cloud.ecs.describe_task_definition(taskDefinition=outputs["worker_task"])["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    name, log = container["name"], container["logConfiguration"]["options"]
    network = outputs["release_network"]
    started = cloud.ecs.run_task(
        cluster=outputs["cluster"],
        taskDefinition=definition["taskDefinitionArn"],
        launchType="FARGATE",
        networkConfiguration=json.loads(network) if isinstance(network, str) else network,
        overrides={"containerOverrides": [{"name": name, "command": list(command)}]},
    )
    if not started["tasks"]:
        reasons = ", ".join(str(failure.get("reason")) for failure in started["failures"])
        raise DeploymentError(f"the task does not start: {reasons}")
    arn = started["tasks"][0]["taskArn"]
    task = _wait_until_stopped(cloud, str(outputs["cluster"]), arn, wait)
    stream = f"{log['awslogs-stream-prefix']}/{name}/{arn.rsplit('/', 1)[1]}"
    lines = _read_log(cloud, log["awslogs-group"], stream)
    code = task["containers"][0].get("exitCode")
    if code != 0:
        why = task["containers"][0].get("reason") or task.get("stoppedReason") or "see its log"
        raise DeploymentError("\n".join([*lines, f"{' '.join(command)} ended with exit code {code}: {why}"]))
    return lines


def _wait_until_stopped(
    cloud: Cloud, cluster: str, arn: str, wait: Callable[[float], None]
) -> dict[str, Any]:
    for _ in range(int(SECONDS / PAUSE)):
        task: dict[str, Any] = cloud.ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
        if task["lastStatus"] == "STOPPED":
            return task
        wait(PAUSE)
    raise DeploymentError(f"the task {arn} has not ended within {SECONDS} s: look at it in the console")


def _read_log(cloud: Cloud, group: str, stream: str) -> list[str]:
    try:
        events = cloud.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    except cloud.logs.exceptions.ResourceNotFoundException:
        # A task that never started has no log.
        return []
    return [str(event["message"]) for event in events["events"]]
