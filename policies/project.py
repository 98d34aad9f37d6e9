"""A Pulumi project on disk: its name, its program, its interpreter and a stack's settings as the program sees
them.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from policies.source import find_root

HIDDEN = "(secret)"


class ProjectError(ValueError):
    """A project or its settings can't be read; the message names the file and the mend."""


@dataclass(frozen=True, slots=True)
class Project:
    """`root` holds Pulumi.yaml, `program` is what runs, `interpreter` its virtual environment's Python."""

    name: str
    root: Path
    program: Path
    interpreter: Path | None
    defaults: Mapping[str, str]

    def read_config(self, stack: str, file: Path | None = None) -> dict[str, str]:
        """The settings of `stack`, without secrets; a stack without a file has the project's defaults.

        Raises `ProjectError` when a named file is missing or is not YAML.
        """
        path = file or self.root / f"Pulumi.{stack.rsplit('/', maxsplit=1)[-1]}.yaml"
        if file is None and not path.exists():
            return dict(self.defaults)
        values = read_yaml(path).get("config") or {}
        given = {self.qualify(key): flatten(value) for key, value in values.items()}
        return {**self.defaults, **given}

    def qualify(self, key: str) -> str:
        return key if ":" in key else f"{self.name}:{key}"


def find_project(path: Path) -> Project:
    """The project of a folder: the one whose Pulumi.yaml lies there or above, or a bare program.

    Raises `ProjectError` when there is no program.
    """
    folder = path.resolve()
    if not folder.is_dir():
        msg = f"no folder {str(path)!r}: give the one that holds Pulumi.yaml or __main__.py"
        raise ProjectError(msg)
    root = find_root(folder)
    settings = read_yaml(root / "Pulumi.yaml") if (root / "Pulumi.yaml").exists() else {}
    program = (root / str(settings.get("main", "."))).resolve()
    if folder not in (root, program):
        # A program inside a larger project's folder that is not that project's own.
        root, settings, program = folder, {}, folder
    if not (program / "__main__.py").exists() and program.suffix != ".py":
        msg = f"no __main__.py in {str(program)!r}: is it a Pulumi program in Python?"
        raise ProjectError(msg)
    name = str(settings.get("name", root.name))
    runtime = settings.get("runtime")
    options = runtime.get("options", {}) if isinstance(runtime, Mapping) else {}
    interpreter = root / options["virtualenv"] / "bin" / "python" if options.get("virtualenv") else None
    return Project(name, root, program, interpreter, read_defaults(name, settings))


def read_defaults(name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The defaults that Pulumi.yaml gives for configuration: `key: value`, or `key: {default: value}`."""
    defaults = {"aws:region": "us-east-1"}
    for key, value in (settings.get("config") or {}).items():
        if isinstance(value, Mapping):
            value = value.get("default", value.get("value"))  # noqa: PLW2901
        if value is not None:
            defaults[key if ":" in key else f"{name}:{key}"] = flatten(value)
    return defaults


def flatten(value: Any) -> str:
    """A configuration value as the program receives it: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Mapping) and set(value) == {"secure"}:
        return HIDDEN
    return json.dumps(value, default=str)


def read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        msg = f"{path}: can't be read as YAML: {error}"
        raise ProjectError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path}: must hold a YAML mapping"
        raise ProjectError(msg)
    return content
