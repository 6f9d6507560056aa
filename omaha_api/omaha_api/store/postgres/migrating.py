"""How do a database's tables become current, and which databases are refused?

All steps are one transaction under the lock that writers take turns by: of two replicas that start at once the second finds everything
done, and a step that fails leaves the database as it was.
"""

from collections.abc import Callable
from datetime import datetime

import psycopg

from omaha_api.store import schema
from omaha_api.store.postgres import dialect
from omaha_api.store.postgres.connections import SCHEMA, PostgresConnection
from update_core.fleet.store import StoreUnavailable

OLDEST_SERVER = 15
PROGRAM = "update-service"

_WAIT_SECONDS = 60
"""For another replica's migration, which may have a large table to go through."""

_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
_ABOUT = "SELECT schema FROM about WHERE program = ?"


def migrate(connection: PostgresConnection, name: str, begin: Callable[[], datetime]) -> None:
    """Make the tables current. `begin` begins the transaction, with the lock, and tells the time, which is a new store's birth.

    Raises:
        StoreUnavailable: the server or the database can't be used; the message says what to do.
        psycopg.Error: the server failed.
    """
    _check_server(connection.driver, name)
    connection.together(
        f"SET lock_timeout = '{_WAIT_SECONDS}s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
    )
    now = begin()
    try:
        _bring_forward(connection, name, now)
    except psycopg.errors.InsufficientPrivilege as error:
        role = connection.driver.info.user
        raise StoreUnavailable(
            f"{name}: {error.diag.message_primary}; let the database's owner run: "
            f'CREATE SCHEMA IF NOT EXISTS {SCHEMA}; ALTER SCHEMA {SCHEMA} OWNER TO "{role}"; '
            f"and the same for tables in it that are another role's"
        ) from error
    connection.driver.execute(b"COMMIT")


def _check_server(driver: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    version = driver.info.server_version // 10000
    if version < OLDEST_SERVER:
        raise StoreUnavailable(f"{name}: PostgreSQL {OLDEST_SERVER} or newer is needed, the server is {version}")
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreUnavailable(
            f"{name}: its encoding is {encoding}, in which not every id can stand; create it with ENCODING 'UTF8' TEMPLATE template0"
        )


def _bring_forward(connection: PostgresConnection, name: str, now: datetime) -> None:
    driver = connection.driver
    if driver.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone() is None:
        driver.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    version = schema_of(connection)
    if version is None:
        version = 0
        _mark(connection, name)
    if version > len(schema.MIGRATIONS):
        raise StoreUnavailable(
            f"{name} was written by a newer version of this program (its schema is {version}, this one knows "
            f"{len(schema.MIGRATIONS)}); run that version, or name another database"
        )
    for number, statements in enumerate(schema.MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            if not isinstance(statement, schema.SqliteOnly):
                driver.execute(dialect.table(statement), prepare=False)
        schema.made(connection, number, now)
        connection.execute("UPDATE about SET schema = ?", (number,))


def schema_of(connection: PostgresConnection) -> int | None:
    """The number of the database's schema; None if it has no fleet store."""
    if connection.execute("SELECT to_regclass(?) IS NULL", (f"{SCHEMA}.about",)).fetchone() == (True,):
        return None
    row = connection.execute(_ABOUT, (PROGRAM,)).fetchone()
    return None if row is None else int(row[0])


def _mark(connection: PostgresConnection, name: str) -> None:
    """Say that the schema is ours, unless somebody else's tables are in it."""
    (tables,) = connection.execute(_TABLES).fetchone() or (0,)
    if tables:
        raise StoreUnavailable(f"{name}: its schema {SCHEMA} has another program's tables; name another database")
    connection.driver.execute(b"CREATE TABLE about (program TEXT NOT NULL, schema BIGINT NOT NULL)")
    connection.execute("INSERT INTO about (program, schema) VALUES (?, 0)", (PROGRAM,))
