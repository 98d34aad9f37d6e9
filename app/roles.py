"""The database's roles on a managed server, made by its master before the schema is migrated.

Where the server is the kit's own, its image makes them. Safe to repeat: each run sets the passwords to what
the secrets hold, which ends a rotation, and leaves everything else as it is.
"""

from __future__ import annotations

import psycopg
import structlog
from psycopg import sql

from app.core.settings import Settings

log = structlog.get_logger()

# Any number, the same for every release of this database.
LOCK = 7_265_117
EXTENSIONS = ("pg_trgm", "unaccent")
# A page that takes longer has lost its reader: the query must not hold its connection.
STORE_TIMEOUT = "30s"

PREPARE = """
GRANT migrator TO CURRENT_USER;
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO store;
GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {database} TO migrator;
ALTER DATABASE {database} SET search_path = store, public;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS store AUTHORIZATION migrator;
SET LOCAL ROLE migrator;
GRANT USAGE ON SCHEMA store TO store;
ALTER DEFAULT PRIVILEGES IN SCHEMA store GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO store;
ALTER DEFAULT PRIVILEGES IN SCHEMA store GRANT USAGE, SELECT ON SEQUENCES TO store;
ALTER DEFAULT PRIVILEGES IN SCHEMA store GRANT EXECUTE ON ROUTINES TO store;
"""


class RolesError(Exception):
    """The roles cannot be made; the message says why."""


def make_roles(settings: Settings) -> None:
    """Make `migrator` and `store` with the passwords of their secrets. Raises RolesError."""
    secrets = settings.secrets
    master, store = secrets.database_master, secrets.database_store_password
    if master is None or store is None or secrets.database_password is None:
        return
    user, password = master
    try:
        with psycopg.connect(
            settings.database_direct_dsn, user=user, password=password, connect_timeout=10
        ) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            _set_password(connection, "migrator", secrets.database_password)
            _set_password(connection, "store", store)
            connection.execute(
                sql.SQL("ALTER ROLE store SET statement_timeout = {}").format(sql.Literal(STORE_TIMEOUT))
            )
            for extension in EXTENSIONS:
                connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public".encode())
            database = sql.Identifier(connection.info.dbname)
            for statement in PREPARE.strip().split("\n"):
                connection.execute(sql.SQL(statement).format(database=database))
    except psycopg.Error as error:
        raise RolesError(
            f"the database's roles cannot be made: {str(error).strip().splitlines()[0]}"
        ) from error
    log.info("roles are made", roles="migrator, store")


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Send the server a hash made here, so that no log of statements holds the password."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(hashed)))
