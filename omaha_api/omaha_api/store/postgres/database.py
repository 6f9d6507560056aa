"""The PostgreSQL database as a database of the fleet store: how writers of all replicas take turns.

Each writing transaction first takes one lock of the whole database. So what it reads is all that was committed before, by whichever
replica; revisions of the log are in the order of commits; and two batches never wait for each other's rows.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import psycopg

from omaha_api.store import log, rows
from omaha_api.store.database import Connection, Moment
from omaha_api.store.postgres import connections, migrating
from omaha_api.store.postgres.connections import PostgresConnection
from omaha_api.store.postgres.timekeeping import Timekeeping
from update_core.fleet.store import StoreUnavailable

CHANNEL = "update_service"
"""Where a commit that added to the log notifies the newest revision."""

BACKOFF_SECONDS = (0.1, 2.0)
"""How long a server that couldn't be reached is left alone: after the first time, and at most."""

WRITERS_LOCK = 0x55504653
"""The number of the advisory lock that writers take turns by."""

_BEGIN = f"""
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock({WRITERS_LOCK}))
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) FROM held
"""  # noqa: S608 - the lock is a constant
_BEGIN_READING = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresDatabase:
    """A Database on the server that `url` names, in libpq's words; several processes may share it."""

    errors = (psycopg.Error,)

    def __init__(
        self,
        url: str,
        time_keeping: Timekeeping,
        *,
        connect: connections.Connect = connections.connect,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self.parameters = connections.parameters(url)
        self._time = time_keeping
        self._told = 0
        self._patience = _Patience(monotonic)

    @property
    def name(self) -> str:
        """What to call it in messages; without its password."""
        given = self.parameters
        return f"the PostgreSQL database {given.get('dbname', '')!r} at {given.get('host', 'the default host')}"

    def open(self) -> PostgresConnection:
        """See Database.open."""
        try:
            connection = self._connect(self.parameters)
            try:
                migrating.migrate(connection, self.name, lambda: self.begin(connection).at)
                self._told = log.latest(connection)
            finally:
                connection.close()
            return self._connect(self.parameters)
        except psycopg.Error as error:
            raise StoreUnavailable(f"{self.name} can't be opened: {connections.said(error)}") from error

    def close(self) -> None:
        """See Database.close. Others may go on using it."""

    def connect(self) -> PostgresConnection:
        """See Database.connect."""
        return self._patience.attempt(lambda: self._connect(self.parameters))

    def connect_reader(self) -> PostgresConnection:
        """See Database.connect_reader."""
        return self._patience.attempt(lambda: connections.connect_reader(self.parameters))

    def begin(self, connection: Connection) -> Moment:
        """See Database.begin."""
        return self._time.moment(_begin(_ours(connection)))

    def commit(self, connection: Connection) -> int:
        """See Database.commit. Everybody who listens is told, in the same transaction, if the log has grown."""
        telling = f"""
            SELECT revision, CASE WHEN revision > {self._told} THEN pg_notify('{CHANNEL}', CAST(revision AS text)) END FROM store;
            COMMIT
        """  # noqa: S608 - two constants and a number of ours
        cursor = _ours(connection).together(telling)
        ((revision, _),) = cursor.fetchall()
        self._told = int(revision)
        return self._told

    def begin_reading(self, connection: Connection) -> None:
        """See Database.begin_reading."""
        _ours(connection).driver.execute(_BEGIN_READING)

    def is_outage(self, error: BaseException) -> bool:
        """See Database.is_outage."""
        return connections.is_outage(error)

    def database_time(self, then: datetime) -> datetime:
        """See Database.database_time."""
        return self._time.database_time(then)


class _Patience:
    """Leaves a server alone for a while after it couldn't be reached, so that not every piece of work waits for it to time out."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failure = ""
        self._delay = 0.0
        self._not_before = 0.0

    def attempt(self, connect: Callable[[], PostgresConnection]) -> PostgresConnection:
        """Connect, unless that failed just now.

        Raises:
            StoreUnavailable: it can't be reached, or couldn't just now.
        """
        with self._lock:
            if self._monotonic() < self._not_before:
                raise StoreUnavailable(self._failure)
        try:
            connection = connect()
        except psycopg.Error as error:
            self._failed(connections.said(error))
            raise StoreUnavailable(connections.said(error)) from error
        with self._lock:
            self._delay = self._not_before = 0.0
        return connection

    def _failed(self, failure: str) -> None:
        first, most = BACKOFF_SECONDS
        with self._lock:
            self._failure = failure
            self._delay = min(most, self._delay * 2 or first)
            self._not_before = self._monotonic() + self._delay


def _begin(connection: PostgresConnection) -> datetime:
    """The lock, and the database's time once it is had, in one message."""
    cursor = connection.together(_BEGIN)
    cursor.nextset()
    ((told,),) = cursor.fetchall()
    return rows.instant(told)


def _ours(connection: Connection) -> PostgresConnection:
    if not isinstance(connection, PostgresConnection):
        msg = f"{type(connection).__name__} is no connection of this database"
        raise TypeError(msg)
    return connection
