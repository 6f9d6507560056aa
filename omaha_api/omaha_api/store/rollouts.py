"""The rows of rollouts: what the operator stamped, kept so that a lost status can be made again from it."""

from datetime import datetime
from typing import Any

from omaha_api.store import courses, groups
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from update_core.fleet import outages
from update_core.fleet.progress import RolloutRecord
from update_core.fleet.store import GroupLedger
from update_core.rollout.model import Reason, Refusal, ResolvedGroup, Stamp
from update_core.rollout.plan import Course

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
    stamped = _stamped(held, stamp, group.course, now if completed else None)
    if stamped != held:
        connection.execute(_UPSERT, (*key, *courses.from_record(stamped)))
    return admitted


def load(connection: Connection, app_id: str, track: str, sequence: int) -> RolloutRecord | None:
    """A rollout as it was mirrored last, None if it never was."""
    row = connection.execute(_SELECT, (app_id, track, sequence)).fetchone()
    return courses.to_record(row) if row else None


def _stamped(held: RolloutRecord | None, stamp: Stamp, course: Course, completed_at: datetime | None) -> RolloutRecord:
    """The record after a stamp. Of one rollout nothing is taken back: another replica may have seen it further on already."""
    # The same sequence with another salt is a status that was made anew before this store could tell of the first: the status is right.
    if held is not None and (held.version, held.salt) == (stamp.version, stamp.salt):
        course = course if _progress(course) >= _progress(held.course) else held.course
        completed_at = held.completed_at or completed_at
    return RolloutRecord(
        sequence=stamp.sequence,
        version=stamp.version,
        salt=stamp.salt,
        started_at=stamp.started_at,
        kind=stamp.kind,
        completed_at=completed_at,
        from_version=stamp.from_version,
        course=course,
    )


def _progress(course: Course) -> tuple[Any, ...]:
    """What only ever rises in one rollout, most telling first."""
    opened = course.opened or ()
    return (
        course.epoch,
        course.halted is not None,
        course.dependencies_met_at is not None,
        # Where there are too many, one that a later one includes isn't told of any more.
        opened[-1].opened_at.timestamp() if opened else 0.0,
        len(opened),
        sum(wave.settled_at is not None for wave in opened),
        course.stopped_seconds,
    )
