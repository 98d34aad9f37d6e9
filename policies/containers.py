"""Policies of containers on ECS: what a task definition lets its containers do, and what they are given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.graph import (
    UNKNOWN,
    Graph,
    Resource,
    Secret,
    UnknownValueError,
    UnreadableValueError,
    is_true,
    pick,
)
from policies.rules import Finding, Findings, Level, Policy, Severity, Words

TASK = "aws:ecs/taskDefinition:TaskDefinition"
FUNCTION = "aws:lambda/function:Function"
TASK_LINK = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-tasks-containers.html"

KEYS = {
    key.lower(): key
    for key in (
        "name",
        "image",
        "user",
        "privileged",
        "readonlyRootFilesystem",
        "environment",
        "value",
        "logConfiguration",
        "logDriver",
        "linuxParameters",
        "capabilities",
        "add",
    )
}
# Linux capabilities that are as good as privilege.
BROAD_CAPABILITIES = ("ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "BPF")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# Words of a variable's name that say it holds a secret, and last words that say it only tells about one.
SECRET_WORDS = re.compile(
    r"(^|_)([A-Z0-9]*PASSWORD|[A-Z0-9]*PASSWD|PASS|PASSPHRASE|SECRET|SECRETS|TOKEN|CREDENTIALS?|[A-Z0-9]*APIKEY"
    r"|API_KEY|PRIVATE_KEY|ACCESS_KEY|SECRET_KEY|AUTH_DATA)(_|$)|_PWD$|^REDISCLI_AUTH$"
)
ABOUT_WORDS = re.compile(
    r"_(ARN|NAME|FILE|PATH|DIR|URL|URI|HOST|ENDPOINT|REGION|HEADER|TYPE|ALGORITHM|LENGTH|ENABLED|REQUIRED"
    r"|TTL|LIFETIME|EXPIRY|AGE|SECONDS|MINUTES|HOURS|DAYS|MIN|MAX|LIMIT|TIMEOUT|SIZE|COUNT|ROUNDS|PREFIX"
    r"|ISSUER|AUDIENCE|PROVIDER|MODE|POLICY|VERSION|BACKEND|STORE|SOURCE|MANAGER|HASHERS?|COOKIE)$"
)
KEY_NAME = re.compile(r"(?<!PUBLIC)_KEY$", re.IGNORECASE)
OPAQUE = re.compile(r"^(base64:)?(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{16,}$")
SECRET_VALUE = re.compile(
    r"://[^/@\s:]*:[^/@\s]+@"  # a URL with a password
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(sk_live|sk_test|rk_live|whsec|ghp|gho|github_pat|glpat|xox[abp]|EZ[AT]K)[_-]?[0-9A-Za-z]{8}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bAIza[\w-]{30,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."  # a signed token
    r"|https://hooks\.slack\.com/services/"
)
REFERENCE = re.compile(r"^(arn:aws|/|\$\{|https?://[^@]*$)")


def containers(task: Resource) -> Iterator[tuple[str, Any]]:
    """The container definitions of a task with their paths; AWS takes them as JSON text."""
    definitions = task.get("containerDefinitions", [])
    if isinstance(definitions, str):
        try:
            definitions = json.loads(definitions)
        except json.JSONDecodeError as error:
            raise UnreadableValueError("containerDefinitions", f"no JSON: {error}") from error
    if not isinstance(definitions, list):
        raise UnreadableValueError("containerDefinitions", "no list of containers")
    for index, container in enumerate(definitions):
        if container is UNKNOWN:
            raise UnknownValueError(f"containerDefinitions[{index}]")
        known = spell(container)
        yield f'containerDefinitions["{pick(known, "name", index)}"]', known


def spell(value: Any) -> Any:
    """A definition with its keys as the API spells them; AWS takes them in any case, such as `Privileged`."""
    if isinstance(value, Mapping):
        return {KEYS.get(key.lower(), key): spell(item) for key, item in value.items()}
    return [spell(item) for item in value] if isinstance(value, list) else value


def runs_windows(task: Resource) -> bool:
    return str(task.get("runtimePlatform.operatingSystemFamily", "")).startswith("WINDOWS")


ISOLATION = Policy(
    number="24",
    id="task-isolation",
    rule="Give tasks a network, process and IPC namespace of their own",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.17", "ECS.3"),
    checkov=("CKV_AWS_335",),
    mend='Set networkMode to "awsvpc" and leave pidMode and ipcMode out',
)


@ISOLATION.check(TASK)
def find_shared_namespaces(task: Resource) -> Findings:
    if task.get("networkMode") != "awsvpc":
        yield Finding("networkMode", task.get("networkMode"))
    for path in ("pidMode", "ipcMode"):
        if task.get(path) == "host":
            yield Finding(path, "host")


PRIVILEGE = Policy(
    number="25",
    id="container-not-privileged",
    rule="Run no privileged container",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.4",),
    pci=("7.2.2",),
    checkov=("CKV_AWS_334",),
    mend="Remove privileged, and grant single Linux capabilities where one is needed",
)


@PRIVILEGE.check(TASK)
def find_privileged(task: Resource) -> Findings:
    for path, container in containers(task):
        if is_true(pick(container, "privileged")):
            yield Finding(f"{path}.privileged", True)
        added = pick(container, "linuxParameters.capabilities.add") or []
        broad = sorted(set(BROAD_CAPABILITIES) & {str(name).upper().removeprefix("CAP_") for name in added})
        if broad:
            yield Finding(f"{path}.linuxParameters.capabilities.add", broad)


READ_ONLY = Policy(
    number="26",
    id="container-read-only-root",
    rule="Mount the root file system read-only",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.5",),
    checkov=("CKV_AWS_336",),
    mend="Set readonlyRootFilesystem to true and mount a volume where the container writes",
)


@READ_ONLY.check(TASK)
def find_writable_root(task: Resource) -> Findings:
    if runs_windows(task):
        return
    for path, container in containers(task):
        if not is_true(pick(container, "readonlyRootFilesystem")):
            yield Finding(f"{path}.readonlyRootFilesystem", pick(container, "readonlyRootFilesystem"))


USER = Policy(
    number="27",
    id="container-non-root",
    rule="Run containers as a user other than root",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.20",),
    mend='Set user to an unprivileged id such as "10001:10001"',
)


@USER.check(TASK)
def find_root(task: Resource) -> Findings:
    if runs_windows(task):
        return
    for path, container in containers(task):
        user = pick(container, "user")
        if user is None or str(user).split(":")[0].strip() in ("", "0", "root"):
            yield Finding(f"{path}.user", user)


PLAIN_SECRETS = Policy(
    number="28",
    id="container-no-plain-secret",
    rule="Keep secrets out of environment values",
    level=Level.MANDATORY,
    severity=Severity.CRITICAL,
    fsbp=("ECS.8",),
    pci=("8.6.3",),
    mend="Store it in Secrets Manager, and name it in secrets[].valueFrom or give the container its ARN to "
    "read",
)


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by the words of its name or by the looks of its value."""
    if SECRET_VALUE.search(value):
        return True
    if not value or REFERENCE.match(value):
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).upper()
    if SECRET_WORDS.search(words) and not ABOUT_WORDS.search(words):
        return value.lower() not in ("true", "false")
    return bool(KEY_NAME.search(words) and OPAQUE.match(value))


@PLAIN_SECRETS.check(TASK)
def find_plain_secrets(task: Resource) -> Findings:
    for path, container in containers(task):
        for variable in pick(container, "environment", []):
            name, value = str(pick(variable, "name", "")), pick(variable, "value", "")
            if looks_secret(name, str(value)):
                yield Finding(
                    f'{path}.environment["{name}"]', Words("a literal that looks like a secret (hidden)")
                )


@PLAIN_SECRETS.check(FUNCTION)
def find_plain_secrets_of_functions(function: Resource) -> Findings:
    variables = function.get("environment.variables", {})
    known = {name: value for name, value in variables.items() if isinstance(value, str)}
    # Where the program marked single values as secret, it has said so itself.
    marks = {isinstance(value, Secret) for value in known.values()} == {True, False}
    for name, value in known.items():
        marked = marks and isinstance(value, Secret) and not REFERENCE.match(value)
        if marked or looks_secret(name, value):
            yield Finding(
                f'environment.variables["{name}"]',
                Words("a literal that looks like a secret (hidden)"),
                "Store it in Secrets Manager, give the function its ARN, and let it read the secret at start",
            )


CONTAINER_LOGS = Policy(
    number="29",
    id="container-logs",
    rule="Ship every container's log",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.9",),
    pci=("10.2.1",),
    mend='Set logConfiguration with logDriver "awslogs" and a log group',
)


@CONTAINER_LOGS.check(TASK)
def find_unlogged(task: Resource) -> Findings:
    for path, container in containers(task):
        driver = pick(container, "logConfiguration.logDriver")
        if driver in (None, "none"):
            yield Finding(f"{path}.logConfiguration.logDriver", driver)


ROLES = Policy(
    number="32",
    id="task-roles-differ",
    rule="Keep the task's role apart from the execution role",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    checkov=("CKV_AWS_249",),
    link="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-iam-roles.html",
    mend="Make a second role for taskRoleArn with what the application itself calls",
)


@ROLES.check(TASK)
def find_shared_role(task: Resource, graph: Graph) -> Findings:
    if not task.has("taskRoleArn") or not task.has("executionRoleArn"):
        return
    role = "aws:iam/role:Role"
    for shared in graph.referred(task, "taskRoleArn", role):
        if graph.refers(task, "executionRoleArn", shared):
            yield Finding("taskRoleArn", Words(f'the role "{shared.name}", which is executionRoleArn too'))
            return
    try:
        same = task.get("taskRoleArn") == task.get("executionRoleArn")
    except UnknownValueError:
        return  # two roles of this stack, and not the same one
    if same:
        yield Finding("taskRoleArn", Words(f"{task.get('taskRoleArn')}, which is executionRoleArn too"))


IMAGES = Policy(
    number="36",
    id="container-image-digest",
    rule="Pin images by digest",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    link=TASK_LINK,
    mend='Name the image as "repository@sha256:…": a tag can be moved under a running service',
)


@IMAGES.check(TASK)
def find_unpinned(task: Resource) -> Findings:
    for path, container in containers(task):
        image = pick(container, "image")
        if image is None or not DIGEST.search(str(image)):
            yield Finding(f"{path}.image", image)
