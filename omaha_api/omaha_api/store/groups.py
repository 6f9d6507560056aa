"""The rows of groups: the counters that limits are kept with. One row per (app_id, track), which a Group's deletion doesn't end."""

from dataclasses import field, replace
from datetime import datetime, timedelta

from omaha_api.store import judgings, rows
from omaha_api.store.database import Connection
from omaha_api.store.judgings import Judging, Through
from update_core.fleet.store import GroupLedger
from update_core.rollout import admission, limits
from update_core.rollout.model import Limits, ResolvedGroup, Stamp
from update_core.rollout.plan import Latch
from update_core.values import value

_COLUMNS = (
    "highest_sequence, next_number, in_flight, last_grant_at, quiet_until, newcomers_in_flight, next_newcomer, "
    "through, judging, latch"
)
_SELECT = f"SELECT {_COLUMNS} FROM groups WHERE app_id = ? AND track = ?"  # noqa: S608 - the columns are a constant
_SELECT_ALL = f"SELECT app_id, track, {_COLUMNS} FROM groups"  # noqa: S608 - the columns are a constant
_UPSERT = f"""
    INSERT INTO groups (app_id, track, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (app_id, track) DO UPDATE SET
        highest_sequence = excluded.highest_sequence, next_number = excluded.next_number, in_flight = excluded.in_flight,
        last_grant_at = excluded.last_grant_at, quiet_until = excluded.quiet_until,
        newcomers_in_flight = excluded.newcomers_in_flight, next_newcomer = excluded.next_newcomer, through = excluded.through,
        judging = excluded.judging, latch = excluded.latch
"""  # noqa: S608 - the columns are a constant
_CLOSE_ONE = """
    UPDATE groups SET in_flight = in_flight - 1, newcomers_in_flight = newcomers_in_flight - ? WHERE app_id = ? AND track = ?
"""
_LATCH = "UPDATE groups SET latch = ? WHERE app_id = ? AND track = ?"
_GRANTED_AT = "SELECT granted_at FROM grants WHERE app_id = ? AND track = ? AND number = ?"
_NEWCOMER_GRANTED_AT = """
    SELECT granted_at FROM grants INDEXED BY grants_of_newcomers WHERE app_id = ? AND track = ? AND newcomer = ? AND newcomer IS NOT NULL
"""
_BIRTH = "SELECT created_at FROM store"

BIRTH_SLACK = timedelta(minutes=1)
"""How far the operator's clock may lie behind the store's without a first rollout being taken for one that a lost store knew."""


@value
class GroupRow:
    """A group's counters."""

    app_id: str
    track: str
    highest_sequence: int = 0
    next_number: int = 1
    in_flight: int = 0
    last_grant_at: datetime | None = None
    quiet_until: datetime | None = None
    newcomers_in_flight: int = 0
    next_newcomer: int = 1
    through: Through = field(default_factory=lambda: judgings.NOBODY)
    judging: Judging = judgings.NOTHING
    latch: Latch | None = None

    def ledger(self, rate_slot: datetime | None, newcomer_slot: datetime | None = None) -> GroupLedger:
        """What a replica is told of it."""
        return GroupLedger(
            app_id=self.app_id,
            track=self.track,
            highest_sequence=self.highest_sequence,
            next_number=self.next_number,
            in_flight=self.in_flight,
            rate_slot=rate_slot,
            quiet_until=self.quiet_until,
            latch=self.latch,
            through=self.through,
            newcomers_in_flight=self.newcomers_in_flight,
            newcomer_slot=newcomer_slot,
        )


def load(connection: Connection, app_id: str, track: str) -> GroupRow | None:
    """The group's row, None before its first rollout."""
    row = connection.execute(_SELECT, (app_id, track)).fetchone()
    return _from_row(app_id, track, row) if row else None


def load_all(connection: Connection) -> list[GroupRow]:
    """Every group's row."""
    return [_from_row(app_id, track, row) for app_id, track, *row in connection.execute(_SELECT_ALL)]


def save(connection: Connection, row: GroupRow) -> None:
    """Write the row."""
    connection.execute(
        _UPSERT,
        (
            row.app_id,
            row.track,
            row.highest_sequence,
            row.next_number,
            row.in_flight,
            None if row.last_grant_at is None else rows.micros(row.last_grant_at),
            None if row.quiet_until is None else rows.micros(row.quiet_until),
            row.newcomers_in_flight,
            row.next_newcomer,
            judgings.from_through(row.through),
            judgings.from_judging(row.judging),
            judgings.from_latch(row.latch),
        ),
    )


def close_one(connection: Connection, app_id: str, track: str, *, newcomer: bool) -> None:
    """One grant fewer is in flight."""
    connection.execute(_CLOSE_ONE, (int(newcomer), app_id, track))


def latch(connection: Connection, row: GroupRow, halted: Latch) -> None:
    """Halt the group's rollout."""
    connection.execute(_LATCH, (judgings.from_latch(halted), row.app_id, row.track))


def ledger(connection: Connection, row: GroupRow, group: ResolvedGroup) -> GroupLedger:
    """What a replica is told of it that knows the group's limits."""
    return row.ledger(rate_slot(connection, row, group.limits), newcomer_slot(connection, row, group))


def rate_slot(connection: Connection, row: GroupRow, group_limits: Limits) -> datetime | None:
    """When the rate limit lets the next grant through, None if at once."""
    number = limits.deciding_number(row.next_number, group_limits)
    if number is None:
        return None
    found = connection.execute(_GRANTED_AT, (row.app_id, row.track, number)).fetchone()
    return limits.slot(rows.instant(found[0]) if found else None, group_limits)


def newcomer_slot(connection: Connection, row: GroupRow, group: ResolvedGroup) -> datetime | None:
    """When the newcomers' share of the rate lets the next of them through; None if at once, or where they have the whole of it."""
    if not group.plan.guarded or group.limits.max_updates is None:
        return None
    share = admission.limits_for_newcomers(group.limits)
    number = limits.deciding_number(row.next_newcomer, share)
    if number is None:
        return None
    found = connection.execute(_NEWCOMER_GRANTED_AT, (row.app_id, row.track, number)).fetchone()
    return limits.slot(rows.instant(found[0]) if found else None, share)


def admit(connection: Connection, row: GroupRow | None, group: ResolvedGroup, stamp: Stamp, now: datetime) -> GroupRow:
    """The row after the group's stamp has been seen (not yet saved); with a quiet time where what it says was lost.

    A latch stays: it says itself which rollout it halted.
    """
    judging = judgings.judged_by(group, stamp)
    if row is not None:
        if stamp.sequence > row.highest_sequence:
            return replace(row, highest_sequence=stamp.sequence, through=judgings.NOBODY, judging=judging)
        # A replica whose snapshot is old may say it later.
        return replace(row, judging=judging) if judging.of >= row.judging.of else row
    row = GroupRow(group.app_id, group.track, highest_sequence=stamp.sequence, judging=judging)
    if not _was_lost(connection, stamp):
        return row
    quiet = max(group.limits.period_seconds, group.timeouts.update_seconds)
    return replace(row, quiet_until=now + timedelta(seconds=quiet))


def judged(row: GroupRow, group: ResolvedGroup, stamp: Stamp) -> GroupRow:
    """The row (not saved) of a group whose stamp it has seen, where the rollout has gone on since: a grant may come before the mirror."""
    judging = judgings.judged_by(group, stamp)
    newer = (*judging.of, judging.opened) > (*row.judging.of, row.judging.opened)
    return replace(row, judging=judging) if newer else row


def _was_lost(connection: Connection, stamp: Stamp) -> bool:
    """Whether grants were given for this group that no row tells of.

    The operator begins nothing before a store has answered it. So a first rollout that is younger than this file has all its grants in
    it, however late it is mirrored; one that is older, or that isn't the first, was granted from another file.
    """
    (created_at,) = connection.execute(_BIRTH).fetchone()
    return stamp.sequence > 1 or stamp.started_at < rows.instant(created_at) - BIRTH_SLACK


def _from_row(app_id: str, track: str, row: rows.Row) -> GroupRow:
    (
        highest_sequence,
        next_number,
        in_flight,
        last_grant_at,
        quiet_until,
        newcomers_in_flight,
        next_newcomer,
        through,
        judging,
        latched,
    ) = row
    return GroupRow(
        app_id=app_id,
        track=track,
        highest_sequence=highest_sequence,
        next_number=next_number,
        in_flight=in_flight,
        last_grant_at=rows.instant_or_none(last_grant_at),
        quiet_until=rows.instant_or_none(quiet_until),
        newcomers_in_flight=newcomers_in_flight,
        next_newcomer=next_newcomer,
        through=judgings.to_through(through),
        judging=judgings.to_judging(judging),
        latch=judgings.to_latch(latched),
    )
