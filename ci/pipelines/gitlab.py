"""GitLab's file: every job with what it extends, once for each line of its matrix, as if its rules held."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ci.pipelines.jobs import Job, PipelineError, Skipped, Step

FILE: Final = ".gitlab-ci.yml"
KEYWORDS: Final = frozenset(
    ("workflow", "stages", "default", "variables", "include", "image", "services", "pages")
)
REFERENCE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
# Of names in names; more than anybody can read.
DEPTH: Final = 3
# What a pipeline of merge request 123 would bring; `CI_PROJECT_DIR` is the directory it runs in.
PREDEFINED: Final = {
    "CI": "true",
    "CI_PIPELINE_ID": "1",
    "CI_MERGE_REQUEST_IID": "123",
    "CI_PIPELINE_SOURCE": "merge_request_event",
}


def read(path: Path, variables: Mapping[str, str]) -> list[Job]:
    """The jobs of the file; `variables` are the project's. Raises PipelineError."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = []
    for key in document:
        if key in KEYWORDS or key.startswith("."):
            continue
        whole = extend(key, document)
        for line in list_matrix(whole):
            given = PREDEFINED | {"CI_PROJECT_DIR": str(path.parent)} | dict(variables)
            set_here = {**document.get("variables", {}), **whole.get("variables", {}), **line}
            # A token is written by GitLab itself.
            tokens = dict.fromkeys(whole.get("id_tokens", {}), "no-token")
            environment = given | tokens | expand({**tokens, **set_here}, given)
            job = Job(path.name, f"{key} ({', '.join(line.values())})" if line else key)
            script = [*whole.get("before_script", []), *whole["script"]]
            job.steps.append(Step("script", join(script), environment))
            if "after_script" in whole:
                job.steps.append(Step("after_script", join(whole["after_script"]), environment))
            if "artifacts" in whole:
                paths = ", ".join(whole["artifacts"]["paths"])
                job.skipped.append(Skipped(f"artifacts: {paths}", "GitLab's runner collects them"))
            jobs.append(job)
    return jobs


def extend(key: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A job with what it extends, whose keys it overrides; of mappings each key for itself."""
    if key not in document:
        raise PipelineError(f"{key!r} is extended, but not there")
    own = dict(document[key])
    bases = own.pop("extends", [])
    merged: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        merged = merge(merged, extend(base, document))
    return merge(merged, own)


def merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        mergeable = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merge(both[key], value) if mergeable else value
    return both


def list_matrix(job: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    parallel = job.get("parallel", {})
    matrix = parallel.get("matrix", [{}]) if isinstance(parallel, dict) else [{}]
    for entry in matrix:
        values = [value if isinstance(value, list) else [value] for value in entry.values()]
        for chosen in itertools.product(*values):
            yield dict(zip(entry, map(str, chosen), strict=True))


def expand(variables: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Variables may name others, wherever these stand; one that nobody has set is empty."""
    known = {**given, **{name: str(value) for name, value in variables.items()}}
    for _ in range(DEPTH):
        for name in variables:
            known[name] = REFERENCE.sub(lambda match: known.get(match[1] or match[2], ""), known[name])
    return {name: known[name] for name in variables}


def join(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
