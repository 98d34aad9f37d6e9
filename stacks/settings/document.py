"""Writes `docs/settings.md` from the table of keys: `python -m stacks.settings.document`."""

from pathlib import Path
from typing import Final

from stacks.settings.keys import table

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD: Final = """# Settings

What an environment may set, in its `Pulumi.<stack>.yaml` (or with `pulumi config set <key> <value>`).
Whatever is not set has the default below. A value that does not do stops `up` before anything changes,
with a line that names the key, the value and what to use instead.

Made by `python -m stacks.settings.document` from `stacks/settings/keys.py`; edit that file, not this page.

| key | value | unit | default | why this default, or what it is for |
|---|---|---|---|---|
"""


def render() -> str:
    """The page as Markdown."""
    lines = []
    for row in table():
        default = "unset" if row.default is None else f"`{row.default}`"
        lines.append(f"| `{row.name}` | {row.kind.words} | {row.unit} | {default} | {row.why} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
