"""The engine's side of the policy protocol: starts the pack as the engine does, and asks it what the engine
asks.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as messages
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from policies.graph import Resource
from tests.policies.interpreters import ROOT

PACK = ROOT / "policies"


def find_pack_python() -> str:
    """The pack's own environment, else the tests' own; skips the test where neither has `pulumi_policy`."""
    own = PACK / ".venv" / "bin" / "python"
    if own.exists():
        return str(own)
    if importlib.util.find_spec("pulumi_policy"):
        return sys.executable
    pytest.skip("the pack has no environment: `cd policies && pulumi install` makes it")


@contextmanager
def served() -> Iterator[Any]:
    """A client of the pack, started with the very command of the Python language host."""
    command = [find_pack_python(), "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.terminate()
        process.wait(timeout=10)


def configure(client: Any, stack: str, config: Mapping[str, str] | None = None) -> None:
    client.ConfigureStack(
        messages.AnalyzerStackConfigureRequest(stack=stack, project="shop", config=config or {})
    )


def override(client: Any, level: Any, policy: str) -> None:
    """What `--policy-pack-config` asks for."""
    client.Configure(
        messages.ConfigureAnalyzerRequest(
            policyConfig={policy: messages.PolicyConfig(enforcementLevel=level)}
        )
    )


def information(client: Any) -> Any:
    return client.GetAnalyzerInfo(_empty())


def plugin_version(client: Any) -> str:
    info: plugin_pb2.PluginInfo = client.GetPluginInfo(_empty())
    return str(info.version)


def analyze(client: Any, resource: Resource) -> list[Any]:
    """What is said before a resource is made."""
    options = messages.AnalyzerResourceOptions(
        protect=resource.protect, ignoreChanges=list(resource.ignore_changes)
    )
    request = messages.AnalyzeRequest(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        properties=struct(resource.properties),
        options=options,
    )
    return list(client.Analyze(request).diagnostics)


def analyze_stack(client: Any, resources: Iterable[Resource]) -> list[Any]:
    """What is said at the end of a preview or an update."""
    items = [
        messages.AnalyzerResource(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            properties=struct(resource.properties),
            options=messages.AnalyzerResourceOptions(
                protect=resource.protect, ignoreChanges=list(resource.ignore_changes)
            ),
            propertyDependencies={
                key: messages.AnalyzerPropertyDependencies(urns=list(urns))
                for key, urns in resource.property_dependencies.items()
            },
        )
        for resource in resources
    ]
    return list(client.AnalyzeStack(messages.AnalyzeStackRequest(resources=items)).diagnostics)


def struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    content = struct_pb2.Struct()
    content.update(dict(properties))
    return content


def _empty() -> Any:
    from google.protobuf import empty_pb2

    return empty_pb2.Empty()
