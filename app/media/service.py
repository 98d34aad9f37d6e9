"""Uploads of pictures: taken with the change that brings them, prepared and kept by a worker.

The web containers, which face the internet, cannot write what the shop serves, and decoding takes no
processor from shoppers.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime

from app.catalog import editing
from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.media import pictures, queries
from app.media.ports import MediaStore

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Upload:
    """A picture that is not among its product's yet; `fault` says why it never will be."""

    id: int
    alt: str
    fault: str | None
    created_at: datetime


async def take(connection: Connection, product_id: int, content: bytes, alt: str) -> int:
    """Take a picture in, to become the product's last one; returns the upload's id.

    `content` has passed `pictures.check`; the product is locked by the caller.
    """
    return int(await connection.fetchval(queries.ADD, product_id, alt, content))


async def keep(database: Database, media: MediaStore, upload_id: int) -> None:
    """Prepare and keep an upload, add it to its product. Raises OSError when the store does not take it."""
    row = await database.fetchrow(queries.FIND, upload_id)
    if row is None or row["fault"]:
        return
    try:
        picture = await asyncio.to_thread(pictures.prepare, row["content"])
    except pictures.PictureError as error:
        await database.execute(queries.REFUSE, upload_id, str(error))
        return
    await media.keep(picture.path, picture.content, pictures.KIND)
    async with database.transaction() as connection:
        product = await editing.lock_product(connection, row["product_id"])
        if await connection.fetchval(queries.DROP, upload_id) is None:
            # Removed meanwhile.
            return
        # What was there already stays where it is, and is described anew.
        shown = {one.path: one for one in product.pictures}
        shown[picture.path] = editing.Picture(picture.path, row["alt"])
        change = editing.ProductChange(pictures=list(shown.values()))
        await editing.change_product(connection, product, change)


async def wait(database: Database, upload_id: int, seconds: float) -> bool:
    """Whether the upload was settled, one way or the other, within `seconds`."""
    end = time.monotonic() + seconds
    while waits := await database.fetchval(queries.WAITS, upload_id):
        if time.monotonic() > end:
            break
        await asyncio.sleep(POLL_SECONDS)
    return not waits


async def list_uploads(database: Database, product_id: int) -> list[Upload]:
    """What is not among the product's pictures yet, oldest first."""
    return [Upload(**row) for row in await database.fetch(queries.OF_PRODUCT, product_id)]


async def remove(connection: Connection, product_id: int, upload_id: int) -> str:
    """Forget an upload and return what it was to show. Raises NotFound."""
    alt = await connection.fetchval(queries.REMOVE, upload_id, product_id)
    if alt is None:
        raise NotFound(
            f"Product {product_id} has no upload {upload_id}: it may be among its pictures by now."
        )
    return str(alt)
