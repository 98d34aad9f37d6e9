"""The pack as the engine's analyzer: the catalogue of policies over Pulumi's policy protocol.

`pulumi_policy` lists the policies and takes the engine's settings. Judging is done here, for three reasons:
its loop decodes every resource again for every policy (70 times; see tests/policies/bench.py), it does not
hand over the stack's settings, which name production and the waivers, and it gives a policy one level for all
its violations.

A resource is judged by itself before it is made, from what the program asked for. The stack is judged at the
end, when each resource has told which others its properties depend on; there, too, what the program asked for
counts, and the outputs serve only to tell who refers to whom.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Iterable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import (
    EnforcementLevel,
    PolicyComplianceFramework,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies import PACK, VERSION
from policies.catalogue import BY_ID, POLICIES
from policies.graph import IDENTITIES, UNKNOWN_MARKERS, Graph, Resource, decode
from policies.rules import Level, Policy
from policies.settings import Settings, SettingsError, parse
from policies.source import find_root, place
from policies.verdicts import WAIVERS, Judge, Undecided, Verdict, Violation

LARGEST_MESSAGE = 400 * 1024 * 1024  # bytes: what the engine itself allows a stack of resources
LEVELS = {
    Level.MANDATORY: EnforcementLevel.MANDATORY,
    Level.ADVISORY: EnforcementLevel.ADVISORY,
    Level.DISABLED: EnforcementLevel.DISABLED,
}


class ListedForResource(ResourceValidationPolicy):
    """A policy of the catalogue as the engine lists it, with a check over single resources."""


class ListedForStack(StackValidationPolicy):
    """A policy of the catalogue as the engine lists it, with checks over the whole stack alone."""


def listed(policy: Policy, settings: Settings) -> ListedForResource | ListedForStack:
    kind = ListedForStack if all(check.needs_graph for check in policy.checks) else ListedForResource
    framework = PolicyComplianceFramework(
        name="AWS Foundational Security Best Practices" if policy.fsbp else "Storestack",
        reference=", ".join(policy.fsbp) or policy.number,
        specification="; ".join(policy.references),
    )
    return kind(
        name=policy.id,
        description=policy.rule,
        display_name=policy.rule,
        enforcement_level=LEVELS[settings.level(policy)],
        severity=Severity(policy.severity.value),
        framework=framework,
        tags=[f"row {policy.number}", *policy.references],
        remediation_steps=policy.mend,
        url=policy.url,
    )


class Analyzer(_PolicyAnalyzerServicer):
    """Answers the engine; one instance serves one preview or update of one stack."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.catalogue = {policy.id: listed(policy, self.settings) for policy in (*POLICIES, WAIVERS)}
        self.inputs: dict[str, Resource] = {}
        self.judge = Judge(POLICIES, self.settings, today())
        self.root = find_root(find_program())
        super().__init__(PACK, VERSION, list(self.catalogue.values()), EnforcementLevel.MANDATORY)

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Takes the stack's name and settings; levels and waivers follow from them."""
        try:
            self.settings = parse(request.stack, dict(request.config), BY_ID)
        except SettingsError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self.judge = Judge(POLICIES, self.settings, today())
        for policy in POLICIES:
            self.catalogue[policy.id].enforcement_level = LEVELS[self.settings.level(policy)]
        return super().ConfigureStack(request, context)

    def Remediate(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Nothing is mended behind the program's back."""
        return proto.RemediateResponse()

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802
        resource = Resource(
            urn=request.urn,
            type=request.type,
            name=request.name,
            properties=decode(json_format.MessageToDict(request.properties)),
            protect=request.options.protect,
            ignore_changes=tuple(request.options.ignoreChanges),
            parent=request.options.parent,
            provider=request.provider.urn,
        )
        self.inputs[resource.urn] = resource
        return self.answer(self.judge.judge_resource(resource))

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802
        graph = Graph(self.with_references(item) for item in request.resources)
        return self.answer(self.judge.judge_stack(graph))

    def with_references(self, item: Any) -> Resource:
        """A resource as the program asked for it, with the identity and references that it has got since."""
        asked = self.inputs.get(item.urn)
        texts = {key: item.properties[key] for key in IDENTITIES if key in item.properties}
        return Resource(
            urn=item.urn,
            type=item.type,
            name=item.name,
            properties=asked.properties if asked else decode(json_format.MessageToDict(item.properties)),
            outputs={
                key: text
                for key, text in texts.items()
                if isinstance(text, str) and text not in UNKNOWN_MARKERS
            },
            protect=item.options.protect,
            ignore_changes=tuple(item.options.ignoreChanges),
            parent=item.parent,
            provider=item.provider.urn,
            dependencies=tuple(item.dependencies),
            property_dependencies={
                key: tuple(value.urns) for key, value in item.propertyDependencies.items()
            },
        )

    def answer(self, verdicts: Iterable[Verdict]) -> Any:
        response = proto.AnalyzeResponse()
        for verdict in verdicts:
            policy = self.catalogue[verdict.policy.id]
            level = self._get_enforcement_level(policy)
            if level is EnforcementLevel.DISABLED:
                continue
            if isinstance(verdict, Undecided) or verdict.waiver:
                level = EnforcementLevel.ADVISORY
            elif level is EnforcementLevel.REMEDIATE:
                level = EnforcementLevel.MANDATORY
            report = self._create_report_violation(
                response, policy.name, policy.description, level, policy.severity
            )
            report(self.describe(verdict), verdict.resource.urn if verdict.resource else None)
        return response

    def describe(self, verdict: Verdict) -> str:
        """The message with the place in the program that makes the resource, if it can be told."""
        source = place(verdict.resource, self.root) if verdict.resource else ""
        made = f" Made at {source}." if source and isinstance(verdict, Violation) else ""
        return verdict.message + made


def find_program() -> Path:
    """The folder of the program that is judged, to say where in it a resource is made.

    The engine's hosts start a pack in the pack's own folder, and nothing in the protocol names the program's.
    The host itself was started in that, which Linux tells; elsewhere only the component's name is told.
    """
    here = Path.cwd()
    if here.resolve() != Path(__file__).resolve().parent:
        return here
    try:
        return Path(f"/proc/{os.getppid()}/cwd").readlink()
    except OSError:
        return here


def today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.UTC).date()


def serve() -> None:
    """Answers the engine until it ends this process; the port goes to standard output, as the protocol has
    it.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=4),
        options=[("grpc.max_receive_message_length", LARGEST_MESSAGE)],
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.stop(0)
