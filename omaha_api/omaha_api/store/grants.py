"""The rows of grants, and the moves between their states: each move is written with its group's counter and its line of history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from omaha_api.store import groups, instances, outcomes, rows
from omaha_api.store.database import Connection
from update_core.fleet import attempts, evidence
from update_core.fleet.evidence import Evidence
from update_core.fleet.grants import Grant, GrantState, Timeouts
from update_core.fleet.store import Moved, Source

_SELECT = f"SELECT {rows.GRANT_COLUMNS} FROM grants"  # noqa: S608 - the columns are a constant
_LIVE = f"{_SELECT} WHERE app_id = ? AND instance_id = ? AND live"
_ALL_LIVE = f"{_SELECT} INDEXED BY live_deadlines WHERE live"
# Group by group along the index: no live grant that isn't due is looked at.
_DUE = f"""
    SELECT {", ".join(f"grants.{column}" for column in rows.GRANT_COLUMNS.split(", "))}
    FROM groups CROSS JOIN grants INDEXED BY live_deadlines
    WHERE groups.in_flight > 0 AND grants.app_id = groups.app_id AND grants.track = groups.track
        AND grants.live AND grants.deadline <= ? LIMIT ?
"""  # noqa: S608 - the columns are a constant
_FIRST_DEADLINE = "SELECT min(deadline) FROM grants INDEXED BY live_deadlines WHERE app_id = ? AND track = ? AND live"
_INSERT = f"""
    INSERT INTO grants ({rows.GRANT_COLUMNS}, newcomer, network, sample_percent)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - the columns are a constant
# It stops where there are enough.
_OF_NETWORK = """
    SELECT count(*) FROM (
        SELECT 1 FROM grants INDEXED BY live_by_network
        WHERE app_id = ? AND network = ? AND live AND network <> '' AND instance_id <> ? LIMIT ?
    ) AS enough
"""
_MOVE = """
    UPDATE grants SET state = ?, moved_at = ?, deadline = ?, boot_id = ?, error_code = ?, detail = ?
    WHERE app_id = ? AND track = ? AND number = ?
"""
_HISTORY = """
    INSERT INTO history (app_id, instance_id, track, number, at, from_state, to_state, version, sequence, error_code, detail)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def live(connection: Connection, app_id: str, instance_id: str) -> Grant | None:
    """The instance's grant in flight."""
    row = connection.execute(_LIVE, (app_id, instance_id)).fetchone()
    return rows.to_grant(row) if row else None


def all_live(connection: Connection) -> list[Grant]:
    """Every grant in flight."""
    return [rows.to_grant(row) for row in connection.execute(_ALL_LIVE)]


def first_deadline(connection: Connection, app_id: str, track: str) -> datetime | None:
    """When the first of the group's live grants times out."""
    (deadline,) = connection.execute(_FIRST_DEADLINE, (app_id, track)).fetchone()
    return rows.instant_or_none(deadline)


def crowded(connection: Connection, app_id: str, source: Source, asking: str) -> bool:
    """Whether others from the instance's network have as many grants in flight as one may have."""
    if not source.most_in_flight:
        return False
    values = (app_id, source.network, asking, source.most_in_flight)
    (others,) = connection.execute(_OF_NETWORK, values).fetchone()
    return bool(others >= source.most_in_flight)


def add(connection: Connection, grant: Grant, newcomer: int | None = None, source: Source | None = None) -> None:
    """Write a new grant, with its number among newcomers' if it is one's. Its group's counters are the caller's."""
    network, percent = (source.network, source.sample_percent) if source is not None else ("", 100)
    connection.execute(_INSERT, (*rows.from_grant(grant), newcomer, network, percent))
    _note(connection, grant, "")


def move(connection: Connection, before: Grant, after: Grant) -> Grant:
    """Write a grant that was moved; returns it."""
    connection.execute(
        _MOVE,
        (
            after.state.value,
            rows.micros(after.moved_at),
            rows.micros(after.deadline),
            after.boot_id,
            after.error_code,
            after.detail,
            after.app_id,
            after.track,
            after.number,
        ),
    )
    if before.state.live and not after.state.live:
        groups.close_one(connection, after.app_id, after.track, newcomer=not after.established)
    _note(connection, after, before.state.value)
    return after


def close(connection: Connection, grant: Grant, track: str, now: datetime) -> Grant:
    """End a live grant whose instance goes on in `track`: superseded there, or moved away from its own."""
    state = GrantState.SUPERSEDED if grant.track == track else GrantState.MOVED
    return move(connection, grant, replace(grant, state=state, moved_at=now))


def weigh(
    connection: Connection, grant: Grant | None, items: Sequence[Evidence], timeouts: Timeouts, now: datetime
) -> list[Grant]:
    """Apply evidence, in order, to an instance's latest grant: the live one, or one that the clock may have ended too soon."""
    moved: list[Grant] = []
    for item in items:
        after = evidence.weigh(grant, item, timeouts, now) if grant else None
        if grant is not None and after is not None:
            grant = move(connection, grant, after)
            moved.append(grant)
    return moved


def expire(connection: Connection, now: datetime, limit: int, at: datetime) -> Moved:
    """End at most `limit` of the grants whose deadline has passed."""
    due = [rows.to_grant(row) for row in connection.execute(_DUE, (rows.micros(now), limit)).fetchall()]
    ended: list[Grant] = []
    for grant in due:
        after = evidence.expire(grant, now)
        if after is None:
            continue
        held = instances.stored(connection, grant.app_id, grant.instance_id)
        ended.append(move(connection, grant, after))
        if held is not None:
            failed = attempts.after(held.record.attempts, (after,))
            instances.save(connection, held, replace(held.record, attempts=failed), after, at)
    halted = outcomes.record(connection, ended)
    return Moved(tuple(ended), outcomes.ledgers(connection, halted))


def _note(connection: Connection, grant: Grant, from_state: str) -> None:
    connection.execute(
        _HISTORY,
        (
            grant.app_id,
            grant.instance_id,
            grant.track,
            grant.number,
            rows.micros(grant.moved_at),
            from_state,
            grant.state.value,
            grant.version,
            grant.sequence,
            grant.error_code,
            grant.detail,
        ),
    )
