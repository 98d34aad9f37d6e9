"""Runs another checkout's program: `python runner.py TREE FOLDER STACK CONFIG up` or `preview`.

TREE is put before everything else on the path, so `stacks` is that tree's. Prints the changes as JSON: one
entry per step, with the resource's type and what would be done.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path


def main() -> None:
    tree, folder, stack_name, config, verb = sys.argv[1:]
    sys.path.insert(0, tree)

    import pulumi
    from pulumi import automation

    from stacks import aws
    from stacks.aws.settings import parse

    def program() -> None:
        for name, value in aws.deploy(parse(stack_name, json.loads(config), datetime.now(UTC))).items():
            pulumi.export(name, value)

    workspace = automation.LocalWorkspaceOptions(
        work_dir=folder,
        project_settings=automation.ProjectSettings(
            name="storestack", runtime="python", backend=automation.ProjectBackend(url=f"file://{folder}")
        ),
    )
    stack = automation.create_or_select_stack(
        stack_name=stack_name, project_name="storestack", program=program, opts=workspace
    )
    steps: list[dict[str, str]] = []

    def note(event: automation.EngineEvent) -> None:
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            steps.append({"type": metadata.type, "op": str(metadata.op.value)})

    if verb == "up":
        stack.up(color="never", on_event=note)
    else:
        stack.preview(color="never", on_event=note)
    Path(folder, "steps.json").write_text(json.dumps(steps))


if __name__ == "__main__":
    main()
