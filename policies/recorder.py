"""Records the resources of a Pulumi Python program without any cloud: runs it under mocks, keeps every
request.

`python -m policies.recorder --program DIR --stack NAME [--config FILE] [--out FILE]` writes JSON that
`recording.load` reads. It needs `pulumi` and the program's own SDKs, and so runs in the program's
interpreter. `pulumi.runtime.Mocks` sees neither `protect` nor `ignore_changes`; the monitor below keeps the
whole request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pulumi
from google.protobuf import json_format
from pulumi.dynamic import Resource
from pulumi.runtime import mocks
from pulumi.runtime.settings import ROOT
from pulumi.runtime.stack import run_in_stack

from policies import answers
from policies.project import Project, ProjectError, find_project


class Cloud(mocks.Mocks):
    """Stands in for the providers: echoes inputs, and makes up what a cloud would compute."""

    def __init__(self, region: str) -> None:
        self.region = region

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        given, state = answers.made(args.typ, args.name, args.inputs, args.resource_id, self.region)
        for name in declared_texts(args.typ):
            state.setdefault(name, f"{args.name}-{name}")
        return given, state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return answers.looked_up(args.token, args.args, self.region), []


def declared_texts(type_: str) -> Iterator[str]:
    """The outputs that a dynamic resource of the program declares as text; nobody else knows them."""
    kinds = list(Resource.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if type_ == f"pulumi-python:{kind._resource_type_name}":
            # Annotations are text themselves in a module that postpones them.
            hints = {name: str(hint) for name, hint in vars(kind).get("__annotations__", {}).items()}
            yield from (name for name, hint in hints.items() if hint.endswith("Output[str]"))


class Monitor(mocks.MockMonitor):
    """Keeps each registration as plain data: type, properties, options, references and place."""

    def __init__(self, root: Path, region: str) -> None:
        super().__init__(Cloud(region))
        self.root = root
        self.recorded: list[dict[str, Any]] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == "pulumi:pulumi:Stack":
            return response
        registration = self.resources[response.urn]
        self.recorded.append(
            {
                "urn": response.urn,
                "type": request.type,
                "name": request.name,
                "id": response.id,
                "properties": json_format.MessageToDict(request.object),
                "outputs": {
                    key: value for key, value in registration.state.items() if isinstance(value, str)
                },
                "protect": request.protect,
                "ignore_changes": list(request.ignoreChanges),
                "parent": request.parent,
                "provider": request.provider,
                "dependencies": list(request.dependencies),
                "property_dependencies": {
                    key: list(value.urns) for key, value in request.propertyDependencies.items()
                },
                "source": self.place(request),
            }
        )
        return response

    def place(self, request: Any) -> str:
        """Where the program asked for a resource: its innermost line, and the file that called it."""
        places = []
        for frame in [request.sourcePosition, *(frame.pc for frame in request.stackTrace.frames)]:
            path = Path(unquote(urlparse(frame.uri).path))
            if frame.uri and path.is_relative_to(self.root) and "site-packages" not in path.parts:
                places.append((str(path.relative_to(self.root)), frame.line))
        if not places:
            return ""
        file, line = places[0]
        callers = [f" from {caller}:{place}" for caller, place in places if caller != file]
        return f"{file}:{line}" + "".join(callers[:1])


def record(project: Project, stack: str, config: Mapping[str, str]) -> dict[str, Any]:
    """Runs a project's program under mocks and returns what it registered.

    Runs in this process and leaves Pulumi's runtime settings behind: one recording for each process.
    """
    monitor = Monitor(project.root, config["aws:region"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_all_config(dict(config), [])
    mocks.set_mocks(monitor.mocks, project=project.name, stack=stack, preview=False, monitor=monitor)
    ROOT.set(None)  # set_mocks makes a root of its own; the program gets one as the engine would give it
    sys.path[:0] = [str(project.program)]
    os.chdir(project.program if project.program.is_dir() else project.program.parent)
    sys.argv = [str(project.program)]

    def run() -> None:
        runpy.run_path(str(project.program), run_name="__main__")

    loop.run_until_complete(run_in_stack(run))
    return {"project": project.name, "stack": stack, "config": dict(config), "resources": monitor.recorded}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m policies.recorder", description=__doc__)
    parser.add_argument(
        "--program", type=Path, required=True, help="the folder of Pulumi.yaml or of __main__.py"
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--config", type=Path, help="its settings; Pulumi.<stack>.yaml unless told")
    parser.add_argument("--out", type=Path, help="where to write the recording; standard output unless told")
    arguments = parser.parse_args()
    try:
        project = find_project(arguments.program)
        config = project.read_config(arguments.stack, arguments.config)
    except ProjectError as error:
        print(error, file=sys.stderr)
        return 2
    out = arguments.out.resolve() if arguments.out else None
    text = json.dumps(record(project, arguments.stack, config), indent=1)
    if out:
        out.write_text(text)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
