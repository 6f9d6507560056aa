"""The SQLite file as a database: who has it, and how its transactions begin and end."""

import sqlite3
from datetime import datetime
from pathlib import Path

from omaha_api.clock import Clock
from omaha_api.store import log
from omaha_api.store.database import Connection, Moment
from omaha_api.store.sqlite import connections, locking, migrating
from update_core.fleet.store import StoreUnavailable


class SqliteDatabase:
    """A Database on the file `path`, which one process has at a time; its folder is made if need be."""

    errors = (sqlite3.Error,)

    def __init__(self, path: Path, clock: Clock, connect: connections.Connect = connections.connect) -> None:
        self._path = path
        self._clock = clock
        self._connect = connect
        self._lock: locking.FileLock | None = None

    def open(self) -> sqlite3.Connection:
        """See Database.open."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = locking.FileLock.acquire(self._path)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} can't be opened: {error.strerror or error}") from error
        try:
            connection = self._connect(self._path)
            try:
                migrating.migrate(connection, self._path, self._clock())
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            self.close()
            raise StoreUnavailable(f"{self._path} can't be opened: {error}") from error
        except BaseException:
            self.close()
            raise
        return connection

    def close(self) -> None:
        """See Database.close."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def connect(self) -> sqlite3.Connection:
        """See Database.connect."""
        return self._connect(self._path)

    def connect_reader(self) -> sqlite3.Connection:
        """See Database.connect_reader."""
        return connections.connect_reader(self._path)

    def begin(self, connection: Connection) -> Moment:
        """See Database.begin. There is one process, and so one clock."""
        connection.execute("BEGIN IMMEDIATE")
        return Moment(self._clock())

    def commit(self, connection: Connection) -> int:
        """See Database.commit."""
        connection.execute("COMMIT")
        return log.latest(connection)

    def begin_reading(self, connection: Connection) -> None:
        """See Database.begin_reading."""
        connection.execute("BEGIN")

    def is_outage(self, error: BaseException) -> bool:
        """See Database.is_outage."""
        return connections.is_outage(error)

    def database_time(self, then: datetime) -> datetime:
        """See Database.database_time."""
        return then
