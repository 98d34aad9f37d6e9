"""Staff upload pictures of products: the worker keeps them, the shop shows them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest

from app.backoffice.roles import Role
from app.catalog import editing
from app.core.database import Database
from app.media import service
from app.media.folder import Folder
from tests.app.backoffice.people import Person, hire
from tests.app.factories import make_variant
from tests.app.processes import Process

ALT = "A kettle on a stove"


@pytest.fixture
async def kim(database: Database, web: Process) -> Person:
    return await hire(database, web.url, Role.CATALOGUE, name="Kim")


@pytest.fixture
async def product(database: Database, owner: asyncpg.Connection) -> int:
    variant = await make_variant(owner)
    return int(await database.fetchval("SELECT product_id FROM variants WHERE id = $1", variant))


class Full:
    """A store that takes nothing."""

    async def keep(self, path: str, content: bytes, kind: str) -> None:
        raise OSError(f"{path} cannot be written: the disk is full")


def upload(person: Person, product: int, content: bytes, alt: str = ALT) -> httpx.Response:
    return person.browser.post(
        f"/products/{product}/pictures",
        data={"csrf_token": person.csrf, "alt": alt},
        files={"picture": ("kettle.jpg", content, "image/jpeg")},
    )


async def pictures_of(database: Database, product: int) -> list[editing.Picture]:
    return (await editing.read_product(database, product)).pictures


async def take(database: Database, product: int, content: bytes, alt: str = ALT) -> int:
    async with database.transaction() as connection:
        return await service.take(connection, product, content, alt)


async def test_an_uploaded_picture_is_kept_by_the_worker_and_shown_in_the_shop(  # noqa: PLR0917  # its fixtures
    kim: Person,
    worker: Process,
    database: Database,
    client: httpx.Client,
    product: int,
    folder: Path,
    photo: bytes,
) -> None:
    answer = await asyncio.to_thread(upload, kim, product, photo)
    assert answer.status_code == 303, answer.text
    (kept,) = await pictures_of(database, product)
    assert kept.alt == ALT
    assert (folder / kept.path).read_bytes()[8:12] == b"WEBP"
    handle = await database.fetchval("SELECT handle FROM products WHERE id = $1", product)
    assert kept.path in client.get(f"/products/{handle}").text
    desk = kim.page(f"/products/{product}")
    assert f"{kept.path}" in desk
    assert "being prepared" not in desk
    row = await database.fetchrow(
        "SELECT * FROM audit_log WHERE object = $1 AND verb = 'product.add-picture'", f"product:{product}"
    )
    assert row
    assert msgspec.json.decode(row["after"])["alt"] == ALT


@pytest.mark.parametrize(
    ("content", "alt", "told"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ALT, "no picture of these kinds"),
        (b"", ALT, "choose a file"),
        (bytes(7 * 1024 * 1024), ALT, "7.0 MiB; at most 6 fit"),
        (b"\xff\xd8\xff", "", "fill this in"),
    ],
    ids=["svg", "no file", "too large", "no words"],
)
async def test_what_is_no_picture_is_refused_on_the_page(  # noqa: PLR0917  # its fixtures
    kim: Person, database: Database, product: int, content: bytes, alt: str, told: str
) -> None:
    answer = upload(kim, product, content, alt)
    assert answer.status_code == 422
    assert told in answer.text
    assert await service.list_uploads(database, product) == []


async def test_who_only_packs_parcels_cannot_upload(
    database: Database, web: Process, product: int, photo: bytes
) -> None:
    sam = await hire(database, web.url, Role.SUPPORT, name="Sam")
    assert upload(sam, product, photo).status_code == 403


async def test_the_same_picture_twice_is_there_once_with_its_newest_words(
    database: Database, product: int, tmp_path: Path, photo: bytes
) -> None:
    for alt in (ALT, "A kettle, boiling"):
        await service.keep(database, Folder(tmp_path), await take(database, product, photo, alt))
    assert [one.alt for one in await pictures_of(database, product)] == ["A kettle, boiling"]
    assert len(list(tmp_path.rglob("*.*"))) == 1


async def test_a_job_that_runs_twice_adds_the_picture_once(
    database: Database, product: int, tmp_path: Path, photo: bytes
) -> None:
    taken = await take(database, product, photo)
    await asyncio.gather(*(service.keep(database, Folder(tmp_path), taken) for _ in range(4)))
    assert len(await pictures_of(database, product)) == 1
    assert await service.list_uploads(database, product) == []


async def test_a_store_that_takes_nothing_is_tried_again(
    database: Database, product: int, tmp_path: Path, photo: bytes
) -> None:
    taken = await take(database, product, photo)
    with pytest.raises(OSError, match="the disk is full"):
        await service.keep(database, Full(), taken)
    assert await pictures_of(database, product) == []
    await service.keep(database, Folder(tmp_path), taken)
    assert len(await pictures_of(database, product)) == 1


async def test_what_cannot_be_decoded_says_so_until_it_is_removed(
    kim: Person, database: Database, product: int, tmp_path: Path, photo: bytes
) -> None:
    taken = await take(database, product, photo[:700])
    await service.keep(database, Folder(tmp_path), taken)
    assert "cannot be decoded" in kim.page(f"/products/{product}")
    path = f"/products/{product}/uploads/{taken}/removal"
    assert kim.send(path).status_code == 303
    assert kim.send(path).status_code == 404
    assert await service.list_uploads(database, product) == []
    assert list(tmp_path.iterdir()) == []


async def test_an_upload_that_was_removed_meanwhile_is_not_added(
    database: Database, product: int, tmp_path: Path, photo: bytes
) -> None:
    taken = await take(database, product, photo)

    class Slow(Folder):
        async def keep(self, path: str, content: bytes, kind: str) -> None:
            await super().keep(path, content, kind)
            async with database.transaction() as connection:
                await service.remove(connection, product, taken)

    await service.keep(database, Slow(tmp_path), taken)
    assert await pictures_of(database, product) == []
