"""The MediaStore of one machine: a folder that the edge serves."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path


class Folder:
    """Keeps files under `root`, which other processes write to as well."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def keep(self, path: str, content: bytes, kind: str) -> None:  # noqa: ARG002  # the name's ending tells it
        """See MediaStore."""
        await asyncio.to_thread(self._write, self._root / path, content)

    @staticmethod
    def _write(target: Path, content: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Under another name first: nobody is served half a picture.
        unfinished = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
