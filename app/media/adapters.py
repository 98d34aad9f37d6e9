"""Chooses where pictures are kept."""

from __future__ import annotations

from app.core.settings import Settings
from app.media.folder import Folder
from app.media.ports import MediaStore


def has_media(settings: Settings) -> bool:
    """Whether there is a place for pictures at all."""
    return bool(settings.media_bucket or settings.media_root)


def make_media(settings: Settings) -> MediaStore | None:
    """The bucket or folder that the settings name; None without either."""
    if settings.media_bucket:
        # Its SDK takes a while to load, and a folder needs none.
        from app.media.bucket import Bucket

        return Bucket(settings.media_bucket, settings.region)
    return Folder(settings.media_root) if settings.media_root else None
