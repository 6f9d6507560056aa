"""A fleet store's file is looked at, copied while it is served, and made again from a copy."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from omaha_api.store import checking, restoring, schema
from omaha_api.store.sqlite import connections, locking, migrating
from update_core.fleet.store import StoreUnavailable


def check(path: Path) -> list[str]:
    """What is wrong with the file; empty if nothing. A process that serves from it goes on meanwhile.

    Raises:
        StoreUnavailable: it can't be looked at.
    """
    with _reading(path) as connection:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application_id != migrating.APPLICATION_ID:
            raise StoreUnavailable(f"{path} is not a fleet store")
        if version != len(schema.MIGRATIONS):
            raise StoreUnavailable(
                f"the schema of {path} is {version}, this program's is {len(schema.MIGRATIONS)}: an older file is brought forward when "
                "omaha-api serve opens it, a newer one needs a newer program"
            )
        connection.execute("BEGIN")
        damaged = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
        return damaged or [str(finding) for finding in checking.findings(connection)]


def back_up(path: Path, copy: Path) -> None:
    """Write a copy of one state of the database, which others may go on writing to; complete, or not there.

    Raises:
        StoreUnavailable: it can't be read or written, or the copy is there already.
    """
    if copy.exists():
        raise StoreUnavailable(f"{copy} is there already; name a new file")
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        with _reading(path) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        _sync(draft)
        draft.rename(copy)
        _sync(copy.parent)
    except OSError as error:
        raise StoreUnavailable(f"{copy} can't be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def restore(copy: Path, path: Path, now: datetime, quiet_seconds: int) -> None:
    """Make the store's file from a copy, with a greater epoch.

    Raises:
        StoreUnavailable: there is a store already, another process is about to make one, or the copy can't be used.
    """
    with _reading(copy):
        pass
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = locking.FileLock.acquire(path)
        try:
            if path.exists():
                raise StoreUnavailable(
                    f"{path} is there already; move it away, with its -wal and -shm, or name another file"
                )
            shutil.copyfile(copy, draft)
            _begin_anew(draft, now, quiet_seconds)
            _sync(draft)
            draft.rename(path)
            _sync(path.parent)
        finally:
            draft.unlink(missing_ok=True)
            lock.release()
    except OSError as error:
        raise StoreUnavailable(f"{path} can't be written: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{copy} can't be used: {error}") from error


def _begin_anew(path: Path, now: datetime, quiet_seconds: int) -> None:
    with contextlib.closing(connections.connect(path)) as connection:
        migrating.migrate(connection, path, now)
        connection.execute("BEGIN IMMEDIATE")
        restoring.begin_anew(connection, now, quiet_seconds)
        connection.execute("COMMIT")
        # One file, which can be renamed.
        connection.execute("PRAGMA journal_mode = DELETE")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that is there. Who reads a file that nobody has open makes its -wal and -shm, and has to be able to write
    to remove them again: left behind, they would be the wrong user's."""
    if not path.is_file():
        raise StoreUnavailable(f"{path} isn't there")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA schema_version").fetchone()
            yield connection
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} can't be read: {error}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
