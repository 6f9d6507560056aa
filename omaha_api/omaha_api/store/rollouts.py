"""The rows of rollouts: what the operator stamped, kept so that a lost status can be made again from it."""

from datetime import datetime

from omaha_api.store import groups, rows
from omaha_api.store.database import Connection
from omaha_api.store.groups import GroupRow
from update_core.fleet.store import GroupLedger
from update_core.rollout.model import Reason, Refusal, ResolvedGroup, Stamp

# The same sequence with another salt is a status that was made anew before this store could tell of the first: the status is right.
_UPSERT = f"""
    INSERT INTO rollouts (app_id, track, {rows.ROLLOUT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track, sequence) DO UPDATE SET
        completed_at = CASE WHEN rollouts.version = excluded.version AND rollouts.salt = excluded.salt
                            THEN coalesce(rollouts.completed_at, excluded.completed_at) ELSE excluded.completed_at END,
        version = excluded.version, kind = excluded.kind, salt = excluded.salt, started_at = excluded.started_at
"""  # noqa: S608 - the columns are a constant


def record(
    connection: Connection, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime
) -> GroupLedger | Refusal:
    """Mirror a stamp; one that is older than the latest is refused."""
    row = groups.load(connection, group.app_id, group.track)
    if row is not None and stamp.sequence < row.highest_sequence:
        return Refusal(Reason.STALE_CATALOG)
    row = mirror(connection, row, group, stamp, completed=completed, now=now)
    return row.ledger(groups.rate_slot(connection, row, group.limits))


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
    connection.execute(
        _UPSERT,
        (
            group.app_id,
            group.track,
            stamp.sequence,
            stamp.version,
            stamp.salt,
            rows.micros(stamp.started_at),
            stamp.kind,
            rows.micros(now) if completed else None,
        ),
    )
    return admitted
