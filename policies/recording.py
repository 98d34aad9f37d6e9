"""Recorded stacks: reading one from its file, and making one by running a program in its own interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.graph import Graph, Resource, decode
from policies.project import Project

DEFAULT_PROVIDER = "urn:pulumi:default::default::pulumi:providers:aws::default"


class RecordingError(RuntimeError):
    """A program could not be recorded; the message is what the program said."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A stack's graph with the settings that it was made from."""

    graph: Graph
    config: Mapping[str, str]


def load(path: Path) -> Recording:
    """Reads what `recorder` wrote."""
    try:
        content = json.loads(path.read_text())
        resources = [read_resource(item) for item in content["resources"]]
        resources.append(default_provider(content["config"]))
        return Recording(Graph(resources, content["project"], content["stack"]), content["config"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        msg = f"{path}: not a recording of policies.recorder: {error!r}"
        raise RecordingError(msg) from error


def default_provider(config: Mapping[str, str]) -> Resource:
    """The provider of resources that name none, which the engine makes from the settings of its package."""
    properties = {key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")}
    return Resource(DEFAULT_PROVIDER, "pulumi:providers:aws", "default", properties)


def read_resource(item: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=item["urn"],
        type=item["type"],
        name=item["name"],
        properties=decode(item["properties"]),
        outputs=decode(item["outputs"]),
        id=item["id"],
        protect=item["protect"],
        ignore_changes=tuple(item["ignore_changes"]),
        parent=item["parent"],
        provider=item["provider"] or DEFAULT_PROVIDER,
        dependencies=tuple(item["dependencies"]),
        property_dependencies={key: tuple(urns) for key, urns in item["property_dependencies"].items()},
        source=item["source"],
    )


def record(project: Project, stack: str, config: Path | None = None, python: Path | None = None) -> Recording:
    """Runs the program under mocks, by `python`, else by its virtual environment's, else by this one.

    Raises `RecordingError` with the program's own words when it fails.
    """
    python = python or project.interpreter
    interpreter = str(python) if python and python.exists() else sys.executable
    kit = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "recording.json"
        command = [interpreter, "-m", "policies.recorder", "--program", str(project.root), "--stack", stack]
        command += ["--config", str(config.resolve())] if config else []
        outcome = subprocess.run(
            [*command, "--out", str(out)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (kit, os.environ.get("PYTHONPATH")))),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0:
            words = outcome.stderr.strip().splitlines()[-12:]
            msg = f"{project.program} does not run for stack {stack!r} with {interpreter}:\n" + "\n".join(
                words
            )
            raise RecordingError(msg)
        return load(out)
