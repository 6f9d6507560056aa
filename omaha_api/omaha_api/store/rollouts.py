"""The rows of rollouts: what the operator stamped, kept so that a lost status can be made again from it."""

from datetime import datetime

from omaha_api.store import courses, groups
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from update_core.fleet import mirrored, outages
from update_core.fleet.progress import RolloutRecord
from update_core.fleet.store import GroupLedger
from update_core.rollout.model import Reason, Refusal, ResolvedGroup, Stamp

_SELECT = f"SELECT {courses.COLUMNS} FROM rollouts WHERE app_id = ? AND track = ? AND sequence = ?"  # noqa: S608 - the columns are a constant
_UPSERT = f"""
    INSERT INTO rollouts (app_id, track, {courses.COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track, sequence) DO UPDATE SET
        version = excluded.version, salt = excluded.salt, started_at = excluded.started_at, kind = excluded.kind,
        completed_at = excluded.completed_at, from_version = excluded.from_version, course = excluded.course
"""  # noqa: S608 - the columns are a constant
_SETTLING = """
    UPDATE groups SET settling_seconds = ? WHERE app_id = ? AND track = ? AND settling_seconds <> ?
"""


def record(
    connection: Connection, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
) -> GroupLedger | Refusal:
    """Mirror a stamp; one that is older than the latest is refused."""
    row = groups.load(connection, group.app_id, group.track)
    if row is not None and stamp.sequence < row.highest_sequence:
        return Refusal(Reason.STALE_CATALOG)
    row = mirror(connection, row, group, stamp, completed=completed, now=now)
    return groups.ledger(connection, row, group)


def mirror(
    connection: Connection,
    row: GroupRow | None,
    group: ResolvedGroup,
    stamp: Stamp,
    *,
    completed: bool,
    now: datetime,
) -> GroupRow:
    """Write a stamp that isn't older than the latest; returns the group's row after it."""
    admitted = groups.admit(connection, row, group, stamp, now)
    if admitted != row:
        groups.save(connection, admitted)
    key = (group.app_id, group.track)
    settling = outages.settling_seconds(group.active_seconds, group.poll_interval_seconds)
    connection.execute(_SETTLING, (settling, *key, settling))
    held = load(connection, group.app_id, group.track, stamp.sequence)
    kept = mirrored.record(held, stamp, group.course, now if completed else None)
    if kept != held:
        connection.execute(_UPSERT, (*key, *courses.from_record(kept)))
    return admitted


def load(connection: Connection, app_id: str, track: str, sequence: int) -> RolloutRecord | None:
    """A rollout as it was mirrored last, None if it never was."""
    row = connection.execute(_SELECT, (app_id, track, sequence)).fetchone()
    return courses.to_record(row) if row else None
