"""SQLite stores for tests: made an hour before NOW, so that the rollouts of fleet_values are ones that they saw begin."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from omaha_api.store.sqlite import connections
from omaha_api.store.sqlite.store import SqliteStore
from support.fleet_values import NOW
from update_core.fleet.enrolment import UNBOUNDED, Growth


class StoreClock:
    """The clock of a store: an hour before NOW until it is moved."""

    def __init__(self) -> None:
        self.now = NOW - timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


def made(
    path: Path,
    connect: connections.Connect = connections.connect,
    clock: StoreClock | None = None,
    growth: Growth = UNBOUNDED,
) -> SqliteStore:
    """A store on the file, not yet open."""
    return SqliteStore(path, clock=clock or StoreClock(), connect=connect, growth=growth)


def connect_carelessly(path: Path) -> sqlite3.Connection:
    """As in service, but a commit doesn't wait for the disk: for tests that are about decisions and run many of them."""
    connection = connections.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def connect_impatiently(path: Path) -> sqlite3.Connection:
    """As in service, but a lock isn't waited for."""
    connection = connections.connect(path)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection
