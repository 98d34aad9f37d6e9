"""GitHub's workflows: every job, once for each line of its matrix, as if the job's condition held.

Of the expressions, those are known that the workflows use: a context's value, a literal, and `||`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ci.pipelines.jobs import Job, PipelineError, Skipped, Step

EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
PATH: Final = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")
IS_THERE: Final = re.compile(rf"({PATH.pattern}) != ''")
LITERAL: Final = re.compile(r"'([^']*)'")

# What a pull request numbered 123 would bring. Variables and secrets that nobody has set are empty, as there.
EVENT: Final[dict[str, Any]] = {
    "github": {
        "event": {
            "number": 123,
            "action": "opened",
            "pull_request": {"head": {"repo": {"full_name": "me/shop"}}},
        },
        "repository": "me/shop",
        "token": "no-token",
    },
    "vars": {},
    "secrets": {},
}
# A context that says "" for what it does not have; in any other, a name that is not there is a slip.
OPEN: Final = frozenset(("vars", "secrets"))


def read(path: Path, variables: Mapping[str, str]) -> list[Job]:
    """The jobs of a workflow; `variables` are the repository's (`vars.NAME`). Raises PipelineError."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 reads `on` as true.
    triggers = document.get("on", document.get(True)) or {}
    inputs = ((triggers.get("workflow_dispatch") or {}) if isinstance(triggers, dict) else {}).get(
        "inputs", {}
    )
    contexts = EVENT | {
        "vars": dict(variables),
        "inputs": {name: given.get("default", "") for name, given in inputs.items()},
    }
    jobs = []
    for key, described in document["jobs"].items():
        for line in list_matrix(described, contexts):
            jobs.append(read_job(path.name, key, document, described, contexts | {"matrix": line}))
    return jobs


def list_matrix(job: Mapping[str, Any], contexts: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    matrix = dict(job.get("strategy", {}).get("matrix", {}))
    included = matrix.pop("include", [])
    lines = [dict(zip(matrix, values, strict=True)) for values in itertools.product(*matrix.values())]
    for line in [line for line in lines if line] + included or [{}]:
        yield {key: resolve(str(value), contexts) for key, value in line.items()}


def read_job(
    file: str,
    key: str,
    document: Mapping[str, Any],
    described: Mapping[str, Any],
    contexts: Mapping[str, Any],
) -> Job:
    line = contexts["matrix"]
    job = Job(file, f"{key} ({', '.join(line.values())})" if line else key)
    shared = {**document.get("env", {}), **described.get("env", {})}
    for number, step in enumerate(described["steps"], 1):
        if "uses" in step:
            job.skipped.append(Skipped(f"uses: {step['uses']}", "an action runs on GitHub's runners alone"))
            continue
        # As there, a script is taken whole: an expression in it would be put in before the shell reads it.
        environment = {name: resolve(str(value), contexts) for name, value in shared.items()}
        environment |= {name: resolve(str(value), contexts) for name, value in step.get("env", {}).items()}
        name, condition = step.get("name", f"step {number}"), step.get("if", "")
        unmet = "" if holds(condition, contexts) else condition
        job.steps.append(Step(name, resolve(step["run"], contexts), environment, unmet))
    return job


def holds(condition: str, contexts: Mapping[str, Any]) -> bool:
    """A step's condition: none, or that a value is there. Raises PipelineError for another kind."""
    if not condition:
        return True
    if not (match := IS_THERE.fullmatch(condition)):
        raise PipelineError(f"{condition!r}: of conditions, only `… != ''` is known here")
    return look_up(match[1], contexts) != ""


def resolve(text: str, contexts: Mapping[str, Any]) -> str:
    """The text with its expressions' values. Raises PipelineError for one that is not known."""
    return EXPRESSION.sub(lambda match: evaluate(match[1], contexts), text)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> str:
    value = ""
    for term in re.split(r"\s*\|\|\s*", expression):
        if literal := LITERAL.fullmatch(term):
            value = literal[1]
        elif PATH.fullmatch(term):
            value = look_up(term, contexts)
        else:
            raise PipelineError(f"{expression!r}: only values, 'literals' and || are known here")
        if value:
            break
    return value


def look_up(path: str, contexts: Mapping[str, Any]) -> str:
    context, *names = path.split(".")
    if context not in contexts:
        raise PipelineError(f"{path!r}: there is no context {context!r}")
    value: Any = contexts[context]
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            if context in OPEN:
                return ""
            raise PipelineError(f"{path!r}: there is no {name!r}")
        value = value[name]
    return str(value)
