"""The release step: brings the schema to this version, under a lock, before any new web container starts.

Safe to run twice at once (the second waits, then finds nothing to do) and to repeat after a kill: each
revision is one transaction. A migration never waits long for a table lock, since everything behind it would
queue too.
"""

from __future__ import annotations

import time
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.core.settings import Settings
from app.roles import LOCK, RolesError, make_roles

log = structlog.get_logger()

LOCK_TIMEOUT = "5s"
ATTEMPTS = 6
WAIT_FOR_DATABASE_SECONDS = 60
WAIT_FOR_OTHER_SECONDS = 300

# What a database says that is there, and that waiting does not change.
FOR_GOOD = ("authentication failed", "does not exist", "permission denied")

# The role that web and worker sign in as; the migrator owns the tables.
STORE_ROLE = "store"
# Facts and ledgers: the store adds to them and can change nothing.
APPEND_ONLY = ("payment_events", "stock_movements", "order_history", "audit_log")


OWN_RELATIONS = """
SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relowner = current_user::regrole
  AND relkind IN ('r', 'v')
"""


class ReleaseError(Exception):
    """The schema is not at this version; the message says why and what would mend it."""


def run(settings: Settings) -> None:
    """Migrate, install the job queue, grant the store's role its rights. Raises ReleaseError."""
    try:
        make_roles(settings)
    except RolesError as error:
        raise ReleaseError(str(error)) from error
    url = make_url(settings.database_direct_dsn).set(drivername="postgresql+psycopg")
    engine = create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with _connect(engine) as connection:
            _lock(connection)
            # Released with the session, also when this process is killed.
            connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.commit()
            if _is_newer(connection):
                return
            _migrate(connection)
            _install_queue(connection)
            _grant(connection)
    finally:
        engine.dispose()


def _connect(engine: Engine) -> Connection:
    deadline = time.monotonic() + WAIT_FOR_DATABASE_SECONDS
    while True:
        try:
            return engine.connect()
        except OperationalError as error:
            if time.monotonic() > deadline or any(word in str(error) for word in FOR_GOOD):
                raise ReleaseError(f"the database cannot be reached: {_first_line(error)}") from error
            log.info("waiting for the database", error=_first_line(error))
            time.sleep(2)


def _lock(connection: Connection) -> None:
    deadline = time.monotonic() + WAIT_FOR_OTHER_SECONDS
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
        if time.monotonic() > deadline:
            raise ReleaseError("another release still holds the lock: end it, then run this one again")
        log.info("waiting for another release to end")
        connection.rollback()
        time.sleep(1)


def _configure(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _is_newer(connection: Connection) -> bool:
    """Whether a later version has been here: schema and rights then stay as that one left them."""
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    scripts = ScriptDirectory.from_config(_configure(connection))
    known = {script.revision for script in scripts.walk_revisions()}
    if current is None or current in known:
        return False
    log.info("schema is of a later version, and is left as it is", current=current)
    return True


def _migrate(connection: Connection) -> None:
    config = _configure(connection)
    head = ScriptDirectory.from_config(config).get_current_head()
    for attempt in range(1, ATTEMPTS + 1):
        current = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        log.info("schema", current=current, wanted=head)
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            connection.rollback()
            if "lock timeout" not in str(error) or attempt == ATTEMPTS:
                raise ReleaseError(f"the migration after {current} failed: {_first_line(error)}") from error
            log.warning("a table is locked; trying again", attempt=attempt, error=_first_line(error))
            time.sleep(2 * attempt)
        else:
            connection.commit()
            log.info("schema is current", revision=head)
            return


def _install_queue(connection: Connection) -> None:
    """Install procrastinate's schema once; its upgrades come as revisions of ours, with the package's."""
    if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is not None:
        connection.rollback()
        return
    # Many statements with `%` in them: the driver must see them as they are.
    connection.connection.cursor().execute(SchemaManager.get_schema().encode())
    connection.commit()
    log.info("job queue installed")


def _grant(connection: Connection) -> None:
    if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": STORE_ROLE}):
        raise ReleaseError(f"role {STORE_ROLE!r} does not exist: create it with LOGIN before the release")
    schema = connection.scalar(text("SELECT quote_ident(current_schema())"))
    # Only what is the migrator's own: an extension's views in the same schema are not.
    own = connection.scalar(text(OWN_RELATIONS))
    statements = [
        f"GRANT USAGE ON SCHEMA {schema} TO {STORE_ROLE}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {own} TO {STORE_ROLE}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {STORE_ROLE}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {STORE_ROLE}",
        *(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {STORE_ROLE}" for table in APPEND_ONLY),
    ]
    for statement in statements:
        connection.execute(text(statement))
    connection.commit()
    log.info("rights granted", role=STORE_ROLE)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
