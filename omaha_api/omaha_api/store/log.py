"""The log of all that changes: one order, that of commits, because only the writer's transactions give out its numbers.

An entry of an instance that changed has some 500 bytes with its grant, one of an instance that was merely heard again some 40, both with
the index: a million instances that check every five minutes write 130 kB a second, 120 MB in the quarter of an hour that is kept.
"""

from datetime import datetime

from omaha_api.store import log_entries, rows
from omaha_api.store.database import Connection
from omaha_api.store.log_entries import Kind
from update_core.fleet.reading import (
    Change,
    InstanceRow,
    LogExpired,
    PlacementChange,
    Position,
    ProgressChange,
    Selectable,
)

_ALLOT = "UPDATE store SET revision = revision + ? RETURNING revision"
_APPEND = "INSERT INTO changes (revision, at, kind, instance, content) VALUES (?, ?, ?, ?, ?)"
_APPEND_TOUCHED = """
    INSERT INTO changes (revision, at, kind, instance, content) SELECT ? + key, ?, ?, CAST(value ->> 0 AS BIGINT), '' FROM json_each(?)
"""
_POSITION = "SELECT epoch, pruned, revision FROM store"
# A touch is told by the row itself. Where that has gone on since, a later entry says more, and everything that selectors look at is the
# same in both: the earlier one is left out.
_READ = f"""
    SELECT changes.revision, kind, content, {rows.STORED_COLUMNS}
    FROM changes
    LEFT JOIN instances ON instances.id = changes.instance AND instances.revision = changes.revision
    {rows.JOIN_GRANT}
    WHERE changes.revision > ? ORDER BY changes.revision LIMIT ?
"""  # noqa: S608 - the columns are a constant
_BOUNDARY = "SELECT revision FROM changes WHERE at < ? ORDER BY at DESC, revision DESC LIMIT 1"
_END_OF_CHUNK = (
    "SELECT max(revision) FROM (SELECT revision FROM changes WHERE revision <= ? ORDER BY revision LIMIT ?) AS chunk"
)
_PRUNE = "DELETE FROM changes WHERE revision <= ?"
_PRUNED = "UPDATE store SET pruned = max(pruned, ?)"


def next_revision(connection: Connection, count: int = 1) -> int:
    """The first of `count` new revisions, which are the caller's to write."""
    ((last,),) = connection.execute(_ALLOT, (count,)).fetchall()
    return int(last) - count + 1


def latest(connection: Connection) -> int:
    """The newest revision."""
    return position(connection).latest


def position(connection: Connection) -> Position:
    """Where the log stands."""
    return Position(*connection.execute(_POSITION).fetchone())


def position_for(connection: Connection, after: int) -> Position:
    """Where the log stands, if all that came after a revision is in it.

    Raises:
        LogExpired: entries after it were pruned, or it lies in the future.
    """
    there = position(connection)
    if not there.oldest <= after <= there.latest:
        raise LogExpired(f"revision {after} is not in the log, which goes from {there.oldest} to {there.latest}")
    return there


# Writing


def instance_changed(connection: Connection, row: InstanceRow, before: Selectable | None, at: datetime) -> None:
    """Log an instance that came (`before` is None) or changed."""
    _append(connection, row.revision, Kind.INSTANCE, log_entries.from_instance(row, before), at)


def instances_touched(connection: Connection, first: int, touched: str, at: datetime) -> None:
    """Log instances of which nothing changed that selectors look at, nor the grant. `touched` is a JSON array of arrays that begin with an
    instance's id; their revisions follow one another from `first` on."""
    connection.execute(_APPEND_TOUCHED, (first, rows.micros(at), Kind.TOUCHED.value, touched))


def instance_removed(connection: Connection, row: InstanceRow, at: datetime) -> None:
    """Log an instance that went, as it was."""
    _append(connection, row.revision, Kind.REMOVED, log_entries.from_instance(row, row.selectable), at)


def progress_changed(connection: Connection, change: ProgressChange, at: datetime) -> None:
    """Log a group's counts."""
    _append(connection, change.revision, Kind.PROGRESS, log_entries.from_progress(change), at)


def placement_changed(connection: Connection, change: PlacementChange, at: datetime) -> None:
    """Log that something is shown elsewhere."""
    _append(connection, change.revision, Kind.PLACEMENT, log_entries.from_placement(change), at)


def _append(connection: Connection, revision: int, kind: Kind, content: str, at: datetime) -> None:
    connection.execute(_APPEND, (revision, rows.micros(at), kind.value, None, content))


# Reading


def read(connection: Connection, after: int, limit: int) -> tuple[list[Change], int]:
    """The changes among the `limit` entries after a revision, and the last of these entries' revision (`after` itself at the end).

    Raises:
        LogExpired: entries after it were pruned, or it lies in the future.
    """
    position_for(connection, after)
    found: list[Change] = []
    for revision, kind, content, *stored in connection.execute(_READ, (after, limit)):
        change = log_entries.to_change(revision, Kind(kind), content, tuple(stored))
        if change is not None:
            found.append(change)
        after = revision
    return found, after


# Pruning


def boundary(connection: Connection, before: datetime) -> int:
    """The newest revision that was written before then; 0 if none is left."""
    row = connection.execute(_BOUNDARY, (rows.micros(before),)).fetchone()
    return int(row[0]) if row else 0


def prune(connection: Connection, up_to: int, limit: int) -> int:
    """Delete at most `limit` of the entries up to a revision; returns how many there were."""
    (end,) = connection.execute(_END_OF_CHUNK, (up_to, limit)).fetchone()
    if end is None:
        return 0
    connection.execute(_PRUNED, (end,))
    return connection.execute(_PRUNE, (end,)).rowcount
