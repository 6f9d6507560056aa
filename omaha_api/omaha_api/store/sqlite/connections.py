"""How is a connection to the database file opened? Everything that decides durability stands here."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

Connect = Callable[[Path], sqlite3.Connection]
"""Opens the file for its writer; a seam, so that a test can hand in a disk that fills up."""

BUSY_TIMEOUT_MILLISECONDS = 2_000
"""Somebody's sqlite3 shell may hold the file for a moment; longer, and the store is away."""

_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_WRITER_CACHE_KIBIBYTES = 32 * 1024


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes: a commit that has returned survives a crash of the process and of the machine.

    Raises:
        sqlite3.DatabaseError: it can't be opened, or isn't a database.
    """
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIBIBYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that sees what is committed, and can't write.

    Raises:
        sqlite3.DatabaseError: as `connect`.
    """
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def is_outage(error: BaseException) -> bool:
    """Whether the database is to blame (full, failing, locked, damaged), and not the one statement."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions are begun and ended in words, never behind our back. Connections move between threads, but
    # are used by one at a time.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
    return connection
