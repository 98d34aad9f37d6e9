"""Runs `up` with another checkout's program: `python runner.py TREE FOLDER STACK CONFIG`.

TREE is put before everything else on the path, so `stacks` is that tree's.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime


def main() -> None:
    tree, folder, stack_name, config = sys.argv[1:]
    sys.path.insert(0, tree)

    import pulumi
    from pulumi import automation

    from stacks import aws
    from stacks.aws.profiles import KEYS
    from stacks.aws.settings import parse

    # A setting that came later is made by the upgrade, as in an environment that people have.
    known = {
        key: text for key, text in json.loads(config).items() if key in KEYS or not key.startswith("store:")
    }

    def program() -> None:
        for name, value in aws.deploy(parse(stack_name, known, datetime.now(UTC))).items():
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
    stack.up(color="never")


if __name__ == "__main__":
    main()
