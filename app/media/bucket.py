"""The MediaStore of AWS: the bucket that CloudFront serves."""

from __future__ import annotations

import asyncio
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

# CloudFront takes what is below it for MEDIA_URL.
FOLDER = "media"
LIMITS = Config(connect_timeout=3, read_timeout=30, retries={"total_max_attempts": 3})


class Bucket:
    """Keeps files as objects, with the task's own credentials."""

    def __init__(self, name: str, region: str) -> None:
        self._name = name
        self._client: Any = get_session().create_client("s3", region_name=region, config=LIMITS)

    async def keep(self, path: str, content: bytes, kind: str) -> None:
        """See MediaStore."""
        await asyncio.to_thread(self._put, f"{FOLDER}/{path}", content, kind)

    def _put(self, key: str, content: bytes, kind: str) -> None:
        try:
            self._client.put_object(
                Bucket=self._name,
                Key=key,
                Body=content,
                ContentType=kind,
                CacheControl="public, max-age=31536000, immutable",
            )
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"s3://{self._name}/{key} cannot be written: {error}") from error
