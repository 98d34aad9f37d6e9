"""What keeps pictures where shoppers' browsers find them."""

from __future__ import annotations

from typing import Protocol


class MediaStore(Protocol):
    """Files behind MEDIA_URL. Their names change with their content, so none is ever replaced."""

    async def keep(self, path: str, content: bytes, kind: str) -> None:
        """Keep `content`, of media type `kind`, at `path` below MEDIA_URL; once more does no harm.

        Raises OSError when the folder or bucket does not take it.
        """
