"""A fleet store's database is looked at, copied by pg_dump while it is served, and made again by pg_restore.

The two programs are PostgreSQL's own; they must be as new as the server.
"""

import contextlib
import os
import subprocess
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import conninfo

from omaha_api.clock import utc_now
from omaha_api.store import checking, restoring, schema
from omaha_api.store.postgres import connections, migrating
from omaha_api.store.postgres.connections import SCHEMA, Parameters
from omaha_api.store.postgres.database import PostgresDatabase
from omaha_api.store.postgres.timekeeping import OwnClock
from update_core.fleet.store import StoreUnavailable


def check(url: str) -> list[str]:
    """What is wrong with the rows; empty if nothing. Processes that serve from them go on meanwhile.

    Raises:
        StoreUnavailable: they can't be looked at.
    """
    database = PostgresDatabase(url, OwnClock(utc_now))
    try:
        with contextlib.closing(connections.connect_reader(database.parameters)) as connection:
            database.begin_reading(connection)
            version = migrating.schema_of(connection)
            if version is None:
                raise StoreUnavailable(f"{database.name} has no fleet store")
            if version != len(schema.MIGRATIONS):
                raise StoreUnavailable(
                    f"the schema of {database.name} is {version}, this program's is {len(schema.MIGRATIONS)}: an older one is brought "
                    "forward when omaha-api serve opens it, a newer one needs a newer program"
                )
            return [str(finding) for finding in checking.findings(connection)]
    except psycopg.Error as error:
        raise StoreUnavailable(f"{database.name} can't be read: {connections.said(error)}") from error


def back_up(url: str, copy: Path) -> None:
    """Let pg_dump write a copy of one state of the store; complete, or not there.

    Raises:
        StoreUnavailable: it can't be read or written, or the copy is there already.
    """
    if copy.exists():
        raise StoreUnavailable(f"{copy} is there already; name a new file")
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        _run(
            ["pg_dump", "--format=custom", f"--schema={SCHEMA}", "--no-owner", "--no-privileges", f"--file={draft}"],
            connections.parameters(url),
        )
        draft.rename(copy)
    except OSError as error:
        raise StoreUnavailable(f"{copy} can't be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def restore(copy: Path, url: str, now: datetime, quiet_seconds: int) -> None:
    """Let pg_restore make the store from a copy, in a database that has none, with a greater epoch.

    Raises:
        StoreUnavailable: there is a store already, or the copy can't be used.
    """
    if not copy.is_file():
        raise StoreUnavailable(f"{copy} isn't there")
    database = PostgresDatabase(url, OwnClock(lambda: now))
    try:
        with contextlib.closing(connections.connect(database.parameters)) as connection:
            if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)).fetchone() is not None:
                raise StoreUnavailable(f"{database.name} has a schema {SCHEMA} already; name an empty database")
        _run(
            ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(copy)],
            database.parameters,
        )
        with contextlib.closing(database.open()) as connection:
            database.begin(connection)
            restoring.begin_anew(connection, now, quiet_seconds)
            database.commit(connection)
    except psycopg.Error as error:
        raise StoreUnavailable(f"{database.name} can't be written: {connections.said(error)}") from error


def _run(command: list[str], given: Parameters) -> None:
    """Run one of PostgreSQL's programs on the database. Its password stands in the environment: everybody may read a command line."""
    shown = {name: value for name, value in given.items() if name not in {"password", "target_session_attrs"}}
    environment = dict(os.environ)
    if "password" in given:
        environment["PGPASSWORD"] = str(given["password"])
    try:
        done = subprocess.run(
            [*command, f"--dbname={conninfo.make_conninfo(**shown)}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise StoreUnavailable(
            f"{command[0]} isn't there; install PostgreSQL's client programs (on Debian: apt-get install postgresql-client)"
        ) from error
    if done.returncode != 0:
        raise StoreUnavailable(" ".join(done.stderr.split()) or f"{command[0]} failed")
