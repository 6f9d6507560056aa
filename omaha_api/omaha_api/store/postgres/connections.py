"""How is a connection to the server opened? Everything that decides durability, and how long a lost replica may hold up the others."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.types.numeric import Int8Dumper

from omaha_api.store.postgres import dialect
from update_core.fleet.store import StoreUnavailable

SCHEMA = "update_service"
"""The schema that has the tables, so that a database may be shared with other programs."""

LOCK_TIMEOUT_SECONDS = 3
"""How long a batch waits for its turn; longer, and the store is away."""
IDLE_TIMEOUT_SECONDS = 2
"""How long a writer may stay silent within a transaction before the server ends it: a replica that was paused holds up the others no
longer, and less than they wait."""
STATEMENT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
"""Counting a large fleet takes seconds."""

_DEFAULTS: dict[str, tuple[str, Any]] = {
    # What the URL or the environment says holds. A server that vanished without a word is given up after some seconds, and one that only
    # follows another isn't taken for the one that is written to.
    "connect_timeout": ("PGCONNECT_TIMEOUT", 3),
    "application_name": ("PGAPPNAME", "omaha-api"),
    "target_session_attrs": ("PGTARGETSESSIONATTRS", "read-write"),
    "keepalives_idle": ("", 5),
    "keepalives_interval": ("", 2),
    "keepalives_count": ("", 3),
    "tcp_user_timeout": ("", 5000),
}
Parameters = dict[str, Any]
"""libpq's words for where the database is, and how it is reached; may hold a password."""

_OWN_FAULTS = (psycopg.DataError, psycopg.IntegrityError)


class PostgresConnection:
    """A Connection through psycopg."""

    def __init__(self, driver: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.driver = driver

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """See Connection.execute."""
        return self.driver.execute(dialect.statement(statement), values)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> psycopg.Cursor[tuple[Any, ...]]:
        """See Connection.executemany."""
        cursor = self.driver.cursor()
        cursor.executemany(dialect.statement(statement), values)
        return cursor

    def together(self, statements: str) -> psycopg.Cursor[tuple[Any, ...]]:
        """Several statements without parameters in one message; what the first found, then with nextset() the second."""
        return self.driver.execute(statements.encode(), prepare=False)

    def close(self) -> None:
        """See Connection.close."""
        self.driver.close()


Connect = Callable[[Parameters], PostgresConnection]
"""Opens a connection that writes; a seam, so that a test can hand in one that is lost at the worst moment."""


def connect(given: Parameters) -> PostgresConnection:
    """A connection that writes.

    Raises:
        psycopg.Error: it can't be opened.
    """
    return _connect(
        given,
        f"SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; SET statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s';"
        f"SET idle_in_transaction_session_timeout = '{IDLE_TIMEOUT_SECONDS}s';"
        # A server may be set up to answer before its disk does.
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    )


def connect_reader(given: Parameters) -> PostgresConnection:
    """A connection that sees what is committed, and can't write.

    Raises:
        psycopg.Error: it can't be opened.
    """
    return _connect(
        given,
        f"SET default_transaction_read_only = on; SET statement_timeout = '{READ_TIMEOUT_SECONDS}s';"
        f"SET idle_in_transaction_session_timeout = '{READ_TIMEOUT_SECONDS}s'",
    )


def parameters(url: str) -> Parameters:
    """What libpq is told: the URL, and our defaults for what neither it nor the environment says.

    Raises:
        StoreUnavailable: libpq can't read the URL.
    """
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What libpq says quotes the part that it stumbled over, which may be half of a password.
        raise StoreUnavailable(
            "the database's URL can't be read; it is postgresql://user@host:port/database?option=value, where characters such as / @ : % "
            "in a name or a password are written as %2F %40 %3A %25"
        ) from None
    defaults = {name: value for name, (variable, value) in _DEFAULTS.items() if variable not in os.environ}
    return defaults | given


def is_outage(error: BaseException) -> bool:
    """Whether the database is to blame, and not the values of the one statement."""
    return isinstance(error, psycopg.Error) and not isinstance(error, _OWN_FAULTS)


def said(error: psycopg.Error) -> str:
    """What the server or libpq said, in one line."""
    return " ".join(str(error).split())


def _connect(given: Parameters, session: str) -> PostgresConnection:
    # autocommit: transactions are begun and ended in words, never behind our back.
    driver = psycopg.connect(**given, autocommit=True)
    try:
        # Of one type however large the number is, so that a statement is prepared once.
        driver.adapters.register_dumper(int, Int8Dumper)
        connection = PostgresConnection(driver)
        connection.together(f"SET search_path = {SCHEMA}; {session}")
    except BaseException:
        driver.close()
        raise
    return connection
