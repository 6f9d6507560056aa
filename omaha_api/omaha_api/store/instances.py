"""The rows of instances: who was heard, running what, in which group."""

import sqlite3
from collections.abc import Sequence

from omaha_api.store import rows
from update_core.fleet.store import InstanceRecord, Sighting

_SELECT = f"SELECT {rows.INSTANCE_COLUMNS} FROM instances WHERE app_id = ? AND instance_id = ?"  # noqa: S608 - the columns are a constant
_TOUCH = """
    UPDATE instances SET last_seen = max(last_seen, ?), last_refusal = coalesce(nullif(?, ''), last_refusal)
    WHERE app_id = ? AND instance_id = ?
"""
# A sighting may be written late, after a newer one's last-seen; what it reports counts in the order of commits.
_UPSERT = f"""
    INSERT INTO instances ({rows.INSTANCE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (app_id, instance_id) DO UPDATE SET
        track = excluded.track,
        version = excluded.version,
        last_seen = max(last_seen, excluded.last_seen),
        last_refusal = coalesce(nullif(excluded.last_refusal, ''), last_refusal),
        oem = excluded.oem,
        boot_id = excluded.boot_id
"""  # noqa: S608 - the columns are a constant


def load(connection: sqlite3.Connection, app_id: str, instance_id: str) -> InstanceRecord | None:
    """The record of an instance, None if it was never seen."""
    row = connection.execute(_SELECT, (app_id, instance_id)).fetchone()
    return rows.to_instance(row) if row else None


def record(connection: sqlite3.Connection, sighting: Sighting) -> None:
    """Write a sighting whole; a sighting without a refusal leaves the last one as it was."""
    at = rows.micros(sighting.at)
    connection.execute(
        _UPSERT,
        (
            sighting.app_id,
            sighting.instance_id,
            sighting.track,
            sighting.version,
            at,
            at,
            sighting.refusal,
            sighting.oem,
            sighting.boot_id,
        ),
    )


def touch(connection: sqlite3.Connection, sightings: Sequence[Sighting]) -> None:
    """Write last-seen and last refusal of instances that have a record; others are left out."""
    connection.executemany(
        _TOUCH,
        [(rows.micros(seen.at), seen.refusal, seen.app_id, seen.instance_id) for seen in sightings],
    )
