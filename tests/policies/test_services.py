"""Stories of the policies of services: how they run, deploy and scale."""

from typing import Any

from policies.graph import UNKNOWN, Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

SERVICE = "aws:ecs/service:Service"
CLUSTER = "aws:ecs/cluster:Cluster"
TARGET = "aws:appautoscaling/target:Target"
EXEC = "executeCommandConfiguration"
ALARMS = {"alarmNames": ["errors"], "enable": True, "rollback": True}


def service(**properties: Any) -> Resource:
    return made(SERVICE, "web", **properties)


def cluster(**properties: Any) -> Resource:
    return made(CLUSTER, "shop", **properties)


def scaled(origin: Resource, least: int | None = 2) -> Resource:
    capacity = {} if least is None else {"minCapacity": least}
    return made(TARGET, "web", refers={"resourceId": origin}, resourceId=UNKNOWN, maxCapacity=9, **capacity)


PLAIN = service()
HALF = service(deploymentMinimumHealthyPercent=50, desiredCount=2)
IGNORING = service(ignore_changes=("desiredCount",))
IGNORING_OTHER = service(ignore_changes=("taskDefinition",))
EXEC_ON = service(enableExecuteCommand=True, cluster="shop-id")

CASES: list[Case] = [
    kept(
        "service-no-public-address",
        "a private address",
        service(networkConfiguration={"subnets": [], "assignPublicIp": False}),
    ),
    breached(
        "service-no-public-address",
        "a public address",
        "assignPublicIp is true",
        service(networkConfiguration={"assignPublicIp": True}),
    ),
    missing("service-no-public-address", "private by default", None, PLAIN),
    kept("service-platform-version", "the latest", service(platformVersion="LATEST")),
    breached("service-platform-version", "an old one", '"1.3.0"', service(platformVersion="1.3.0")),
    missing("service-platform-version", "the latest by default", None, PLAIN),
    kept(
        "cluster-insights", "enhanced", cluster(settings=[{"name": "containerInsights", "value": "enhanced"}])
    ),
    breached(
        "cluster-insights",
        "switched off",
        '"disabled"',
        cluster(settings=[{"name": "containerInsights", "value": "disabled"}]),
    ),
    missing("cluster-insights", "off by default", 'settings["containerInsights"] is not set', cluster()),
    kept("service-exec-logged", "logged", EXEC_ON, cluster(configuration={EXEC: {"logging": "OVERRIDE"}})),
    breached("service-exec-logged", "silenced", '"NONE"', cluster(configuration={EXEC: {"logging": "NONE"}})),
    breached(
        "service-exec-logged", "on, and nobody logs it", "enableExecuteCommand is true", EXEC_ON, cluster()
    ),
    missing("service-exec-logged", "off by default", None, PLAIN, cluster()),
    kept(
        "service-rollback",
        "the breaker rolls back",
        service(deploymentCircuitBreaker={"enable": True, "rollback": True}),
    ),
    kept(
        "service-rollback",
        "blue/green watched by alarms",
        service(deploymentConfiguration={"strategy": "BLUE_GREEN"}, alarms=ALARMS),
    ),
    kept("service-rollback", "CodeDeploy has its own", service(deploymentController={"type": "CODE_DEPLOY"})),
    breached(
        "service-rollback",
        "stops, and stays broken",
        "rollback is false",
        service(deploymentCircuitBreaker={"enable": True, "rollback": False}),
    ),
    breached(
        "service-rollback",
        "canary with the breaker that works with rolling only",
        "alarms.enable is not set",
        service(
            deploymentConfiguration={"strategy": "CANARY"},
            deploymentCircuitBreaker={"enable": True, "rollback": True},
        ),
    ),
    breached(
        "service-rollback",
        "alarms that roll nothing back",
        "alarms.rollback is false",
        service(deploymentConfiguration={"strategy": "LINEAR"}, alarms={**ALARMS, "rollback": False}),
    ),
    breached(
        "service-rollback",
        "no alarm named",
        "alarmNames is not set",
        service(deploymentConfiguration={"strategy": "LINEAR"}, alarms={**ALARMS, "alarmNames": []}),
    ),
    missing("service-rollback", "no breaker", "deploymentCircuitBreaker.enable is not set", PLAIN),
    kept("service-capacity", "two tasks", service(desiredCount=2)),
    kept("service-capacity", "two by autoscaling", PLAIN, scaled(PLAIN)),
    kept("service-capacity", "one on each machine", service(schedulingStrategy="DAEMON")),
    breached(
        "service-capacity", "half of them while deploying", "deploymentMinimumHealthyPercent is 50", HALF
    ),
    breached("service-capacity", "one by autoscaling", "is 1", PLAIN, scaled(PLAIN, 1)),
    missing("service-capacity", "no number", "desiredCount is not set", PLAIN),
    missing(
        "service-capacity",
        "no least number",
        'minCapacity of appautoscaling/Target "web" is not set',
        PLAIN,
        scaled(PLAIN, None),
    ),
    kept("service-ignores-desired-count", "left to autoscaling", IGNORING, scaled(IGNORING)),
    kept("service-ignores-desired-count", "not scaled", service(desiredCount=2)),
    breached(
        "service-ignores-desired-count",
        "something else is ignored",
        'ignoreChanges is ["taskDefinition"]',
        IGNORING_OTHER,
        scaled(IGNORING_OTHER),
    ),
    breached(
        "service-ignores-desired-count",
        "scaled by a literal name",
        "ignoreChanges is not set",
        service(name="web", desiredCount=2),
        made(TARGET, resourceId="service/shop/web", minCapacity=2),
    ),
    missing(
        "service-ignores-desired-count",
        "nothing is ignored",
        "ignoreChanges is not set",
        PLAIN,
        scaled(PLAIN),
    ),
]


@stories(CASES)
def test_services(case: Case) -> None:
    run(case)
