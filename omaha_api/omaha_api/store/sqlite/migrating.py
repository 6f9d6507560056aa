"""How does an older file become a current one, and which files are refused?"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from omaha_api.store import schema
from update_core import names
from update_core.fleet.store import StoreUnavailable

APPLICATION_ID = 0x55504653
"""Marks the file as ours (PRAGMA application_id), so that another program's database is never taken for one."""


def migrate(connection: sqlite3.Connection, path: Path, now: datetime) -> None:
    """Bring the file's schema up to date; a new file gets `now` as its birth.

    Raises:
        StoreUnavailable: the file is another program's, or of a newer version of this one.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application_id != APPLICATION_ID and (application_id, version, tables) != (0, 0, 0):
        raise StoreUnavailable(f"{path} is a database of another program; name another file")
    if version > len(schema.MIGRATIONS):
        raise StoreUnavailable(
            f"{path} was written by a newer version of this program (its schema is {version}, this one knows "
            f"{len(schema.MIGRATIONS)}); run that version, or name another file"
        )
    connection.create_function("instance_slug", 3, _instance_slug, deterministic=True)
    for number, statements in enumerate(schema.MIGRATIONS[version:], start=version + 1):
        _apply(connection, number, statements, now)


def _apply(connection: sqlite3.Connection, number: int, statements: Sequence[str], now: datetime) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        schema.made(connection, number, now)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _instance_slug(app_id: str, instance_id: str, long: int) -> str:
    return names.instance_slug(app_id, instance_id, long=bool(long))
