"""What a release does at AWS beside Pulumi: the image into ECR, the release task to its end.

The digest that is released is the manifest's, as ECR has it; the policies want it in every task definition.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import docker
from docker.errors import APIError

from ci.deployment import DeploymentError
from ci.release.bucket import client, code

# A migration that takes longer needs a plan.
TASK_SECONDS: Final = 3600
POLL_SECONDS: Final = 5


def push(engine: docker.DockerClient, image: str, version: str, outputs: Mapping[str, Any]) -> str:
    """Bring an image into the stack's repository, once; returns the digest of its manifest."""
    repository = str(outputs["image_repository"])
    registry, _, name = repository.partition("/")
    ecr = client("ecr", outputs.get("region"))
    known = find(ecr, name, version)
    if known:
        return known
    engine.images.get(image).tag(repository, version)
    for line in engine.api.push(
        repository, tag=version, stream=True, decode=True, auth_config=credentials(ecr)
    ):
        if "error" in line:
            raise DeploymentError(f"{repository}:{version} cannot be pushed to {registry}: {line['error']}")
    pushed = find(ecr, name, version)
    if not pushed:
        raise DeploymentError(f"{repository}:{version} was pushed, and is not there: look at the repository")
    return pushed


def find(ecr: Any, name: str, version: str) -> str:
    """The digest of a tag, which never moves; empty where there is none."""
    from botocore.exceptions import ClientError

    try:
        found = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": version}])
    except ClientError as error:
        if code(error) == "ImageNotFoundException":
            return ""
        raise DeploymentError(f"repository {name}: {error}") from None
    details = found["imageDetails"]
    return str(details[0]["imageDigest"]) if details else ""


def credentials(ecr: Any) -> dict[str, str]:
    """A sign-in that lasts some hours, from the role that runs this."""
    (data,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return {"username": user, "password": password}


def pull(engine: docker.DockerClient, reference: str, region: str | None) -> str:
    """An image of a repository, by its digest, into this engine; returns its id here."""
    try:
        image = engine.images.pull(reference, auth_config=credentials(client("ecr", region)))
    except APIError as error:
        raise DeploymentError(f"{reference} cannot be pulled: {error.explanation}") from None
    return str(image.id)


def migrate(outputs: Mapping[str, Any]) -> None:
    """Run the release task to its end. Raises DeploymentError unless it ends well."""
    ecs = client("ecs", outputs.get("region"))
    cluster = str(outputs["cluster"])
    network = outputs["release_network"]
    started = ecs.run_task(
        cluster=cluster,
        taskDefinition=outputs["release_task"],
        launchType="FARGATE",
        networkConfiguration=json.loads(network) if isinstance(network, str) else network,
        startedBy="release",
    )
    if not started["tasks"]:
        reason = (started["failures"] or [{}])[0].get("reason", "no reason given")
        raise DeploymentError(f"release: the task cannot be started: {reason}; nothing newer was started")
    task = started["tasks"][0]["taskArn"]
    print(f"  release: task {task.rsplit('/', 1)[-1]} runs")
    deadline = time.monotonic() + TASK_SECONDS
    while True:
        (now,) = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
        if now["lastStatus"] == "STOPPED":
            break
        if time.monotonic() > deadline:
            ecs.stop_task(cluster=cluster, task=task, reason="too long")
            raise DeploymentError(f"release: stopped after {TASK_SECONDS} s; nothing newer was started")
        time.sleep(POLL_SECONDS)
    judge(now)


def judge(task: Mapping[str, Any]) -> None:
    """Raises DeploymentError unless every container of a stopped task ended with 0."""
    codes = [container.get("exitCode") for container in task["containers"]]
    if codes and all(found == 0 for found in codes):
        return
    said = task.get("stoppedReason") or "no reason given"
    ended = ", ".join("no exit code" if found is None else f"exit code {found}" for found in codes)
    raise DeploymentError(
        f"release: the task ended with {ended or 'nothing'} ({said}); nothing newer was started"
    )
