"""Policies of services: ECS clusters and services, and how they deploy and scale."""

from __future__ import annotations

from policies.graph import Graph, Resource, UnknownValueError
from policies.rules import Finding, Findings, Level, Policy, Severity, Words

SERVICE = "aws:ecs/service:Service"
CLUSTER = "aws:ecs/cluster:Cluster"
SCALING_TARGET = "aws:appautoscaling/target:Target"
SCHEDULED_ACTION = "aws:appautoscaling/scheduledAction:ScheduledAction"
DEPLOYMENT_LINK = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"


def scaling_targets(service: Resource, graph: Graph) -> list[Resource]:
    """The autoscaling targets of a service, whose resourceId is `service/<cluster>/<name>`."""
    found = []
    names = {
        name
        for name in (service.outputs.get("name"), service.properties.get("name"))
        if isinstance(name, str)
    }
    for target in graph.of_type(SCALING_TARGET):
        try:
            named = str(target.get("resourceId", "")).rsplit("/", 1)[-1] in names
        except UnknownValueError:
            named = False
        if named or service.urn in target.property_dependencies.get("resourceId", ()):
            found.append(target)
    return found


PUBLIC_ADDRESS = Policy(
    number="23",
    id="service-no-public-address",
    rule="Run services without a public address",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECS.2",),
    pci=("1.4.2",),
    checkov=("CKV_AWS_333",),
    mend="Set networkConfiguration.assignPublicIp to false and use private subnets with NAT or endpoints",
)


@PUBLIC_ADDRESS.check(SERVICE)
def find_public(service: Resource) -> Findings:
    if service.on("networkConfiguration.assignPublicIp"):
        yield Finding("networkConfiguration.assignPublicIp", True)


PLATFORM = Policy(
    number="30",
    id="service-platform-version",
    rule="Follow the latest Fargate platform",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("ECS.10",),
    pci=("6.3.3",),
    checkov=("CKV_AWS_332",),
    mend='Leave platformVersion out or set it to "LATEST"',
)


@PLATFORM.check(SERVICE)
def find_old_platform(service: Resource) -> Findings:
    version = service.get("platformVersion", "LATEST")  # AWS's own default
    if version != "LATEST":
        yield Finding("platformVersion", version)


INSIGHTS = Policy(
    number="31",
    id="cluster-insights",
    rule="Turn Container Insights on",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    fsbp=("ECS.12",),
    checkov=("CKV_AWS_65",),
    mend='Add a setting with name "containerInsights" and value "enhanced" or "enabled"',
)


@INSIGHTS.check(CLUSTER)
def find_uninsightful(cluster: Resource) -> Findings:
    for path, setting in cluster.items("settings"):
        if setting.get("name") == "containerInsights":
            if setting.get("value") not in ("enabled", "enhanced"):
                yield Finding(f"{path}.value", setting.get("value"))
            return
    yield Finding('settings["containerInsights"]')


EXEC_LOGS = Policy(
    number="33",
    id="service-exec-logged",
    rule="Log what is typed through ECS Exec",
    level=Level.PRODUCTION,
    severity=Severity.MEDIUM,
    checkov=("CKV_AWS_223",),
    link="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html#ecs-exec-logging",
    mend='Set configuration.executeCommandConfiguration.logging of the cluster to "OVERRIDE" with a '
    "logConfiguration, "
    "or switch enableExecuteCommand off",
)
LOGGING = "configuration.executeCommandConfiguration.logging"


@EXEC_LOGS.check(CLUSTER)
def find_silenced_exec(cluster: Resource) -> Findings:
    if cluster.get(LOGGING) == "NONE":
        yield Finding(LOGGING, "NONE")


@EXEC_LOGS.check(SERVICE)
def find_unlogged_exec(service: Resource, graph: Graph) -> Findings:
    if not service.on("enableExecuteCommand"):
        return
    for cluster in graph.referred(service, "cluster", CLUSTER):
        if not cluster.has(LOGGING):
            found = Words(f'true, and {LOGGING} of the cluster "{cluster.name}" is not set')
            yield Finding("enableExecuteCommand", found)


ROLLBACK = Policy(
    number="34",
    id="service-rollback",
    rule="Roll failed deployments back",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    link=DEPLOYMENT_LINK + "deployment-circuit-breaker.html",
    mend="Set deploymentCircuitBreaker with enable and rollback true",
)
ALARM_MEND = (
    "The circuit breaker works with ROLLING only: set alarms with alarmNames, enable and rollback true"
)


@ROLLBACK.check(SERVICE)
def find_one_way_deployments(service: Resource) -> Findings:
    if service.get("deploymentController.type", "ECS") != "ECS":
        return  # CodeDeploy and external controllers bring their own
    strategy = service.get("deploymentConfiguration.strategy", "ROLLING")
    if strategy == "ROLLING":
        for path in ("deploymentCircuitBreaker.enable", "deploymentCircuitBreaker.rollback"):
            if not service.on(path):
                yield Finding(path, service.get(path))
                return
        return
    for path in ("alarms.enable", "alarms.rollback"):
        if not service.on(path):
            yield Finding(path, service.get(path), ALARM_MEND)
            return
    if not service.has("alarms.alarmNames"):
        yield Finding("alarms.alarmNames", None, ALARM_MEND)


def thinning(target: Resource, graph: Graph) -> Findings:
    """Schedules that take a service's scaling below two tasks."""
    for action in graph.of_type(SCHEDULED_ACTION):
        if graph.refers(action, "resourceId", target) or action.properties.get(
            "resourceId"
        ) == target.properties.get("resourceId"):
            for end in ("minCapacity", "maxCapacity"):
                capacity = action.get(f"scalableTargetAction.{end}")
                if capacity is not None and capacity < 2:
                    yield Finding(f'{end} of appautoscaling/ScheduledAction "{action.name}"', capacity)


CAPACITY = Policy(
    number="35",
    id="service-capacity",
    rule="Keep two tasks or more in service, also while deploying",
    level=Level.PRODUCTION,
    severity=Severity.HIGH,
    link=DEPLOYMENT_LINK + "service_definition_parameters.html",
    mend="Set deploymentMinimumHealthyPercent to 100 and desiredCount, or the autoscaling minCapacity, to 2",
)


@CAPACITY.check(SERVICE)
def find_thin_services(service: Resource, graph: Graph) -> Findings:
    if service.get("schedulingStrategy") == "DAEMON":
        return
    percent = service.get("deploymentMinimumHealthyPercent", 100)  # ECS's default for replica services
    if percent < 100:
        yield Finding("deploymentMinimumHealthyPercent", percent)
    targets = scaling_targets(service, graph)
    for target in targets:
        if (target.get("minCapacity") or 0) < 2:
            yield Finding(f'minCapacity of appautoscaling/Target "{target.name}"', target.get("minCapacity"))
        yield from thinning(target, graph)
    if not targets and (service.get("desiredCount") or 0) < 2:
        yield Finding("desiredCount", service.get("desiredCount"))


DESIRED_COUNT = Policy(
    number="37",
    id="service-ignores-desired-count",
    rule="Leave the task count of a scaled service to autoscaling",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    link="https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/",
    mend='Pass ResourceOptions(ignore_changes=["desired_count"]), or an update resets the count that a '
    "sale scaled up",
)


@DESIRED_COUNT.check(SERVICE)
def find_contested_counts(service: Resource, graph: Graph) -> Findings:
    ignored = {name.replace("_", "").lower() for name in service.ignore_changes}
    if scaling_targets(service, graph) and not ignored & {"desiredcount", "*"}:
        yield Finding("ignoreChanges", list(service.ignore_changes) or None)
