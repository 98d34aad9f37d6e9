"""Stories of the policies of containers and the registry."""

import json
from typing import Any

import pytest

from policies.graph import UNKNOWN, Resource
from policies.verdicts import Undecided, Violation
from tests.policies.cases import DIGEST, Case, breached, judge, kept, made, missing, run, stories

TASK = "aws:ecs/taskDefinition:TaskDefinition"
REPOSITORY = "aws:ecr/repository:Repository"


def task(container: dict[str, Any] | None = None, **properties: Any) -> Resource:
    definitions = json.dumps([{"name": "web", **(container or {})}])
    return made(TASK, "shop", containerDefinitions=definitions, **properties)


def environment(name: str, value: str) -> dict[str, Any]:
    return {"environment": [{"name": name, "value": value}]}


ROLE = made("aws:iam/role:Role", "shop", outputs={"arn": "arn:aws:iam::1:role/shop"})
EMPTY = made(REPOSITORY, "shop")

CASES: list[Case] = [
    kept("task-isolation", "a network of its own", task(networkMode="awsvpc")),
    breached("task-isolation", "the host's network", '"host"', task(networkMode="host")),
    breached("task-isolation", "the host's processes", "pidMode", task(networkMode="awsvpc", pidMode="host")),
    breached("task-isolation", "the host's memory", "ipcMode", task(networkMode="awsvpc", ipcMode="host")),
    missing("task-isolation", "the bridge, by default", "networkMode is not set", task()),
    kept("container-not-privileged", "unprivileged", task({"privileged": False})),
    breached(
        "container-not-privileged",
        "privileged under ECS's real key",
        "privileged is true",
        task({"privileged": True}),
    ),
    missing("container-not-privileged", "unprivileged by default", None, task()),
    kept("container-read-only-root", "read-only", task({"readonlyRootFilesystem": True})),
    kept(
        "container-read-only-root",
        "Windows knows none",
        task(runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
    ),
    breached("container-read-only-root", "writable", "is false", task({"readonlyRootFilesystem": False})),
    missing("container-read-only-root", "writable by default", "is not set", task()),
    kept("container-non-root", "an unprivileged user", task({"user": "10001:10001"})),
    breached("container-non-root", "root by name", '"root"', task({"user": "root"})),
    breached("container-non-root", "root by number, in another group", '"0:1000"', task({"user": "0:1000"})),
    missing("container-non-root", "whatever the image says", "user is not set", task()),
    kept(
        "container-no-plain-secret",
        "a URL without a password",
        task(environment("DATABASE_URL", "postgresql://store@db/store")),
    ),
    kept(
        "container-no-plain-secret",
        "a secret's ARN",
        task(environment("DATABASE_PASSWORD", "arn:aws:secretsmanager:eu-1:1:secret:x")),
    ),
    kept(
        "container-no-plain-secret",
        "a file's path",
        task(environment("SESSION_SECRET_FILE", "/run/secrets/session")),
    ),
    kept(
        "container-no-plain-secret",
        "a secret by reference",
        task({"secrets": [{"name": "API_TOKEN", "valueFrom": "arn:1"}]}),
    ),
    breached(
        "container-no-plain-secret",
        "a password by its name",
        "DATABASE_PASSWORD",
        task(environment("DATABASE_PASSWORD", "hunter2")),
    ),
    breached(
        "container-no-plain-secret",
        "a password in a URL",
        "DATABASE_URL",
        task(environment("DATABASE_URL", "postgresql://store:hunter2@db/store")),
    ),
    breached(
        "container-no-plain-secret",
        "an access key by its value",
        "NOTE",
        task(environment("NOTE", "AKIAIOSFODNN7EXAMPLE")),
    ),
    breached(
        "container-no-plain-secret",
        "a signing key",
        "SESSION_KEY",
        task(environment("SESSION_KEY", "c2Vzc2lvbi1rZXktMTIz")),
    ),
    missing("container-no-plain-secret", "no environment", None, task()),
    kept("container-logs", "shipped", task({"logConfiguration": {"logDriver": "awslogs"}})),
    breached("container-logs", "thrown away", '"none"', task({"logConfiguration": {"logDriver": "none"}})),
    missing("container-logs", "nobody said where to", "logDriver is not set", task()),
    kept("task-roles-differ", "two roles", task(taskRoleArn="arn:1", executionRoleArn="arn:2")),
    breached(
        "task-roles-differ",
        "one role twice",
        "executionRoleArn too",
        task(taskRoleArn="arn:1", executionRoleArn="arn:1"),
    ),
    breached(
        "task-roles-differ",
        "one role twice, whose ARN is not known yet",
        'the role "shop"',
        ROLE,
        made(
            TASK,
            refers={"taskRoleArn": ROLE, "executionRoleArn": ROLE},
            taskRoleArn=UNKNOWN,
            executionRoleArn=UNKNOWN,
        ),
    ),
    missing("task-roles-differ", "a task that calls nothing", None, task(executionRoleArn="arn:1")),
    kept("container-image-digest", "a digest", task({"image": DIGEST})),
    breached("container-image-digest", "a tag", '"shop:latest"', task({"image": "shop:latest"})),
    breached(
        "container-image-digest", "a tag that looks pinned", '"shop:1.2.3"', task({"image": "shop:1.2.3"})
    ),
    missing("container-image-digest", "no image", "image is not set", task()),
    kept("registry-scan", "scanned", made(REPOSITORY, imageScanningConfiguration={"scanOnPush": True})),
    kept(
        "registry-scan",
        "the whole registry is scanned",
        EMPTY,
        made(
            "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
            scanType="ENHANCED",
            rules=[{"scanFrequency": "CONTINUOUS_SCAN"}],
        ),
    ),
    breached(
        "registry-scan",
        "switched off",
        "scanOnPush is false",
        made(REPOSITORY, imageScanningConfiguration={"scanOnPush": False}),
    ),
    missing("registry-scan", "nobody scans", "scanOnPush is not set", EMPTY),
    kept("registry-immutable-tags", "immutable", made(REPOSITORY, imageTagMutability="IMMUTABLE")),
    breached(
        "registry-immutable-tags", "mutable", '"MUTABLE"', made(REPOSITORY, imageTagMutability="MUTABLE")
    ),
    missing("registry-immutable-tags", "mutable by default", "is not set", EMPTY),
    kept(
        "registry-lifecycle",
        "old images expire",
        EMPTY,
        made("aws:ecr/lifecyclePolicy:LifecyclePolicy", refers={"repository": EMPTY}, policy="{}"),
    ),
    breached(
        "registry-lifecycle",
        "another repository's images expire",
        "LifecyclePolicy",
        made(REPOSITORY, "shop", name="shop"),
        made("aws:ecr/lifecyclePolicy:LifecyclePolicy", repository="other", policy="{}"),
    ),
    missing("registry-lifecycle", "nothing expires", "LifecyclePolicy", EMPTY),
]


@stories(CASES)
def test_containers(case: Case) -> None:
    run(case)


def test_no_message_shows_the_secret_it_found() -> None:
    for name, value in (("DATABASE_PASSWORD", "hunter2"), ("URL", "redis://user:hunter2@cache")):
        (verdict,) = judge("container-no-plain-secret", [task(environment(name, value))])
        assert "hunter2" not in verdict.message


def test_definitions_not_known_at_preview_are_told_and_not_passed_over() -> None:
    (verdict,) = judge("container-non-root", [made(TASK, containerDefinitions=UNKNOWN)])
    assert isinstance(verdict, Undecided)
    assert "containerDefinitions" in verdict.message


def test_each_container_of_a_task_is_judged() -> None:
    definitions = json.dumps([{"name": "web", "user": "1000"}, {"name": "proxy", "user": "0"}])
    (verdict,) = judge("container-non-root", [made(TASK, containerDefinitions=definitions)])
    assert isinstance(verdict, Violation)
    assert '"proxy"' in verdict.message


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASS",
        "dbPassword",
        "db-password",
        "SECRET_KEY_BASE",
        "JWT_SECRET_KEY",
        "AWS_ACCESS_KEY_ID",
        "MYSQL_PWD",
    ],
)
def test_a_secret_is_known_by_the_words_of_its_name(name: str) -> None:
    run(breached("container-no-plain-secret", name, name, task(environment(name, "hunter2"))))


@pytest.mark.parametrize(
    "name",
    ["PUBLIC_KEY", "SORT_KEY", "CACHE_KEY_PREFIX", "PORT", "PWD", "TOKEN_TTL", "SECRET_NAME", "COMPASS"],
)
def test_an_ordinary_setting_is_not_taken_for_a_secret(name: str) -> None:
    run(kept("container-no-plain-secret", name, task(environment(name, "created_at"))))
