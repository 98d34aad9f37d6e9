"""Where in a program a resource is made: the recorded stack trace, else the component that its URN names."""

from __future__ import annotations

import functools
from pathlib import Path

from policies.graph import Resource

BUILT_IN = ("pulumi:", "aws:", "docker:")


def component(resource: Resource) -> str | None:
    """The type of the innermost component around a resource, as its URN tells: `storestack:aws:Edge`."""
    parts = resource.urn.split("::")
    parents = parts[2].split("$")[:-1] if len(parts) > 3 else []
    own = [parent for parent in parents if not parent.startswith(BUILT_IN)]
    return own[-1] if own else None


def place(resource: Resource, root: Path) -> str:
    """`stacks/aws/edge.py:40` where trace or source tell; else the component's type; else nothing."""
    if resource.source:
        return resource.source
    kind = component(resource)
    return (find_component(kind, root) or kind) if kind else ""


@functools.cache
def find_component(kind: str, root: Path) -> str | None:
    """The file and line below `root` whose code names a component's type, or else defines its class."""
    class_name = kind.rsplit(":", 1)[-1]
    fallback = None
    for path in sorted(root.rglob("*.py")):
        if any(
            part.startswith(".") or part in ("node_modules", "tests") for part in path.relative_to(root).parts
        ):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if f'"{kind}"' in line or f"'{kind}'" in line:
                return f"{path.relative_to(root)}:{number}"
            if fallback is None and line.startswith((f"class {class_name}(", f"class {class_name}:")):
                fallback = f"{path.relative_to(root)}:{number}"
    return fallback


def find_root(folder: Path) -> Path:
    """The project around a folder: where Pulumi.yaml lies, or the folder itself."""
    return next((place for place in (folder, *folder.parents) if (place / "Pulumi.yaml").exists()), folder)
