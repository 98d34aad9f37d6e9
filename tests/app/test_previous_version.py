"""Expand and contract, tried: the previous version's own end-to-end tests and code, on today's schema.

The previous version is the newest release's tag, or, before there is one, the commit before the newest
migration. Its tests make databases for themselves; here every one of them is born with today's schema, as the
server's template has it, and the old code's own migration is left out, as in a rollback.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from app import release
from app.core.settings import read_settings
from tests.app.conftest import with_path
from tests.app.processes import CACHE, DATABASE, ROOT, throwaway_container, wait_until

MIGRATIONS = ROOT / "app" / "migrations" / "versions"
# From the cart to the order and its API. A version that lacks one of them is tried with the others.
END_TO_END = (
    "tests/app/cart",
    "tests/app/checkout/test_checkout.py",
    "tests/app/checkout/test_pages.py",
    "tests/app/orders/test_workflow.py",
    "tests/app/keys",
)
ONE_PURCHASE = "tests/app/checkout/test_checkout.py::test_a_guest_buys_and_sees_the_order_with_its_token"
# Half a minute on a machine of its own.
SECONDS = 600

# In the old tests' process: their code must be the old one, and the schema is there already.
PLUGIN = """
import pathlib
import app.release
assert pathlib.Path(app.release.__file__).is_relative_to(pathlib.Path.cwd()), app.release.__file__
app.release.run = lambda settings: None
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def find_previous() -> str:
    """The commit of the version before this one. Where history does not tell, skips the test and says so."""
    try:
        if git("rev-parse", "--is-shallow-repository") == "true":
            pytest.skip("the clone is shallow: fetch all of it (fetch-depth: 0, GIT_DEPTH: 0)")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the checkout is no git repository, so there is no version before: {error}")
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-version:refname")
    if tags:
        return tags.splitlines()[0]
    newest = max(path.name for path in MIGRATIONS.glob("[0-9]*.py"))
    added = git("log", "--no-renames", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/{newest}")
    # One that is not committed yet comes after all that is.
    return f"{added.splitlines()[0]}^" if added else "HEAD"


@dataclass(frozen=True)
class Previous:
    """The old version's files, and servers whose new databases have today's schema."""

    folder: Path
    commit: str
    admin: str
    cache: str

    def run(self, *tests: str) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "TEST_DATABASE_URL": self.admin,
            "TEST_CACHE_URL": self.cache,
            "PYTHONPATH": str(self.folder / "plugin"),
        }
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "schema_of_today",
            "-p",
            "no:cacheprovider",
            *tests,
        ]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Previous]:
    commit = find_previous()
    folder = tmp_path_factory.mktemp("previous")
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    (folder / "plugin").mkdir()
    (folder / "plugin" / "schema_of_today.py").write_text(PLUGIN)
    with ExitStack() as stack:
        port = stack.enter_context(throwaway_container("database", DATABASE))
        cache = f"redis://127.0.0.1:{stack.enter_context(throwaway_container('cache', CACHE))}/0"
        admin = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        wait_until(lambda: answers(admin), lambda: f"no PostgreSQL at {admin}")
        migrate_template(admin, cache, folder)
        yield Previous(folder, commit, admin, cache)


def answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def migrate_template(admin: str, cache: str, folder: Path) -> None:
    """Give every database to come the schema and the rights of today's release."""
    template = with_path(admin, "template1")
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute("CREATE ROLE migrator LOGIN")
        connection.execute("CREATE ROLE store LOGIN")
        connection.execute("ALTER DATABASE template1 OWNER TO migrator")
        connection.execute("ALTER SCHEMA public OWNER TO migrator")
    secret = folder / "secret"
    secret.write_text("0" * 48)
    environ = {
        "DATABASE_URL": with_path(template, "template1", user="store"),
        "DATABASE_DIRECT_URL": with_path(template, "template1", user="migrator"),
        "CACHE_URL": cache,
        "SESSION_KEY_FILE": str(secret),
        "GATEWAY_KEY_FILE": str(secret),
        "GATEWAY_WEBHOOK_KEY_FILE": str(secret),
        "GATEWAY_URL": "http://127.0.0.1:9",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "MEDIA_URL": "http://127.0.0.1:9/media",
        "MEDIA_ROOT": str(folder),
    }
    release.run(read_settings(environ, release=True))


def test_the_previous_versions_shoppers_buy_on_todays_schema(previous: Previous) -> None:
    there = [test for test in END_TO_END if (previous.folder / test).exists()]
    assert there
    done = previous.run(*there)
    assert done.returncode == 0, f"version {previous.commit} on today's schema:\n{done.stdout[-8000:]}"


def test_a_contracted_schema_stops_the_previous_version(previous: Previous) -> None:
    """The counter-proof: the test above can fail."""
    template = with_path(previous.admin, "template1")
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders RENAME COLUMN email TO mail")
    try:
        done = previous.run(ONE_PURCHASE)
    finally:
        with psycopg.connect(template, autocommit=True) as connection:
            connection.execute("ALTER TABLE orders RENAME COLUMN mail TO email")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
