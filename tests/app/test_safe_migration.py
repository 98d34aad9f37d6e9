"""The safe way that the migrations' linter names, in a real release of a store that is in use."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import asyncpg
import pytest

from app.core.settings import Settings
from ci.migrations.__main__ import examine, list_revisions
from tests.app.processes import ROOT

REVISION = '''"""An index on a table in use."""

from alembic import op

revision = "9999_safe"
down_revision = {before!r}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS carts_by_version")
        op.execute("CREATE INDEX CONCURRENTLY carts_by_version ON carts (version)")
        op.execute("SET lock_timeout = '5s'")
'''
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('carts_by_version')"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The store with one more revision, which the linter lets pass."""
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "app" / "migrations"
    before = list_revisions(folder)[-1].revision
    (folder / "versions" / "9999_safe.py").write_text(REVISION.format(before=before))
    assert examine(list_revisions(folder)[-1]) == ([], 0)
    return tmp_path


async def test_an_index_is_built_while_shoppers_read_and_write(
    environ: dict[str, str], settings: Settings, owner: asyncpg.Connection, checkout: Path
) -> None:
    head = await owner.fetchval("SELECT version_num FROM alembic_version")
    other = await asyncpg.connect(environ["DATABASE_DIRECT_URL"])
    # A report that reads for longer than the lock_timeout: the build waits for it, nobody for the build.
    reading = other.transaction(isolation="repeatable_read")
    await reading.start()
    await other.fetchval("SELECT count(*) FROM carts")
    address = environ["DATABASE_DIRECT_URL"].replace("store@", "migrator@", 1)
    release = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "release"),
        cwd=checkout,
        env={**os.environ, **environ, "DATABASE_DIRECT_URL": address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            # An index that is being built, or was left unfinished, is there and not valid.
            while await owner.fetchval(IS_VALID) is not False:
                await asyncio.sleep(0.1)
        for _ in range(7):
            async with asyncio.timeout(5):
                await owner.execute("INSERT INTO carts (id) VALUES (gen_random_uuid())")
            await asyncio.sleep(1)
        assert release.returncode is None
        await reading.rollback()
        output, _ = await asyncio.wait_for(release.communicate(), 60)
        assert release.returncode == 0, output.decode()
        assert await owner.fetchval(IS_VALID) is True
    finally:
        await other.close()
        await owner.execute("DROP INDEX IF EXISTS carts_by_version")
        await owner.execute("UPDATE alembic_version SET version_num = $1", head)
