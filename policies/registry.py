"""Policies of the registry: ECR repositories."""

from __future__ import annotations

from policies.graph import Graph, Resource, pick
from policies.rules import Finding, Findings, Level, Missing, Policy, Severity

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REGISTRY_SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"

SCANNING = Policy(
    number="38",
    id="registry-scan",
    rule="Scan images when they are pushed",
    level=Level.MANDATORY,
    severity=Severity.HIGH,
    fsbp=("ECR.1",),
    pci=("11.3.1",),
    checkov=("CKV_AWS_163",),
    mend="Set imageScanningConfiguration.scanOnPush to true",
)


@SCANNING.check(REPOSITORY)
def find_unscanned(repository: Resource, graph: Graph) -> Findings:
    if repository.on("imageScanningConfiguration.scanOnPush"):
        return
    # Scanning of the whole registry stands in for the repository's own.
    for scanning in graph.of_type(REGISTRY_SCANNING):
        if any(pick(rule, "scanFrequency") != "MANUAL" for _, rule in scanning.items("rules")):
            return
    yield Finding(
        "imageScanningConfiguration.scanOnPush", repository.get("imageScanningConfiguration.scanOnPush")
    )


IMMUTABLE = Policy(
    number="39",
    id="registry-immutable-tags",
    rule="Let no tag be pushed over",
    level=Level.MANDATORY,
    severity=Severity.MEDIUM,
    fsbp=("ECR.2",),
    pci=("11.5.2",),
    checkov=("CKV_AWS_51",),
    mend='Set imageTagMutability to "IMMUTABLE"',
)


@IMMUTABLE.check(REPOSITORY)
def find_mutable(repository: Resource) -> Findings:
    mutability = repository.get("imageTagMutability")
    if mutability not in ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"):
        yield Finding("imageTagMutability", mutability)


EXPIRY = Policy(
    number="40",
    id="registry-lifecycle",
    rule="Expire old images",
    level=Level.ADVISORY,
    severity=Severity.LOW,
    fsbp=("ECR.3",),
    mend="Add an ecr LifecyclePolicy for the repository that keeps enough images to roll back",
)


@EXPIRY.check(REPOSITORY)
def find_hoarding(repository: Resource, graph: Graph) -> Findings:
    if not graph.referring(repository, "repository", LIFECYCLE):
        yield Missing("ecr LifecyclePolicy")
