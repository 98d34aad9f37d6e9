"""The graph that the program registers, recorded whole: inputs, dependencies, options of each resource."""

import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

PROGRAM = Path(__file__).parents[2] / "stacks"
STACK = "trial"


@dataclass(frozen=True)
class Recorded:
    """One registration, as the engine would get it."""

    type: str
    name: str
    inputs: dict[str, Any]
    dependencies: frozenset[str]
    secrets: frozenset[str]
    delete_before_replace: bool | None
    retain_on_delete: bool
    additional_secrets: frozenset[str]


class Graph:
    """Every custom resource of one run of the program, by its name without the stack's prefix."""

    def __init__(self, resources: list[Recorded]) -> None:
        self.resources = resources

    def of(self, kind: str) -> dict[str, Recorded]:
        prefix = f"storestack-{STACK}-"
        return {r.name.removeprefix(prefix): r for r in self.resources if r.type.endswith(f":{kind}")}

    @property
    def containers(self) -> dict[str, Recorded]:
        return self.of("Container")

    def role(self, container: Recorded) -> str:
        labels = {label["label"]: label["value"] for label in container.inputs["labels"]}
        return str(labels["storestack.role"])

    def depends(self, resource: Recorded, on: str) -> bool:
        """Whether a resource waits, directly or over others, for the one of that name."""
        by_name = {r.name: r for r in self.resources}
        seen: set[str] = set()
        todo = set(resource.dependencies)
        while todo:
            name = todo.pop()
            if name == f"storestack-{STACK}-{on}":
                return True
            if name not in seen and name in by_name:
                seen.add(name)
                todo |= by_name[name].dependencies
        return False


class Monitor(mocks.MockMonitor):
    """Keeps each request whole: the mocks themselves see neither options nor dependencies."""

    def __init__(self, known: mocks.Mocks) -> None:
        super().__init__(known)
        self.recorded: list[Recorded] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        if request.custom:
            inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
            defined = request.deleteBeforeReplaceDefined
            self.recorded.append(
                Recorded(
                    type=request.type,
                    name=request.name,
                    inputs={key: rpc.unwrap_rpc_secret(value) for key, value in inputs.items()},
                    dependencies=frozenset(urn.rsplit("::", 1)[1] for urn in request.dependencies),
                    secrets=frozenset(k for k, v in inputs.items() if rpc.is_rpc_secret(v)),
                    delete_before_replace=request.deleteBeforeReplace if defined else None,
                    retain_on_delete=request.retainOnDelete,
                    additional_secrets=frozenset(request.additionalSecretOutputs),
                )
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class Engine(mocks.Mocks):
    """What providers would compute, as far as the program reads it."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asks a provider for {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        computed = {"name": f"{args.name}-auto"} if "name" not in args.inputs else {}
        computed |= {"imageId": f"sha256:{args.name}"} if args.typ.endswith("RemoteImage") else {}
        computed |= {"value": f"generated for {args.name}"} if args.typ.endswith("RandomSecret") else {}
        computed |= {"certificate": "PEM", "key": "PEM"} if "Certificate" in args.typ else {}
        return f"{args.name}-id", {**args.inputs, **computed}


def record(config: Mapping[str, str] | None = None) -> Graph:
    """Run the program with these settings. Raises what it raises."""
    pulumi.runtime.set_all_config(dict(config or {}))
    monitor = Monitor(Engine())
    mocks.set_mocks(Engine(), project="storestack", stack=STACK, preview=False, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        runpy.run_path(str(PROGRAM), run_name="__main__")

    program()
    return Graph(monitor.recorded)
