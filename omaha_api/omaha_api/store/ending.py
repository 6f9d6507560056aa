"""A person ends what the fleet knows of an instance: its update, or all of it.

Rows of grants stay, because the rate limit counts by them; what they count for otherwise ends. A failure that a rollout is judged by stays
until the instance's next outcome: who resets whatever fails doesn't keep a rollout from being halted.
"""

from dataclasses import replace
from datetime import datetime

from omaha_api.store import grants, instances
from omaha_api.store.database import Connection
from omaha_api.store.instances import Stored
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.reading import Ended

_FORGET_HISTORY = "DELETE FROM history WHERE app_id = ? AND instance_id = ?"


def reset(connection: Connection, app_id: str, instance_id: str, now: datetime, at: datetime) -> Ended | None:
    """End the instance's grant, and leave it as if it never had one; None if it isn't known."""
    known = instances.stored(connection, app_id, instance_id)
    if known is None:
        return None
    closed = _close(connection, known, now)
    record = replace(known.record, attempts=())
    instances.save(connection, known, record, None, at)
    return Ended(record, closed)


def forget(connection: Connection, app_id: str, instance_id: str, now: datetime, at: datetime) -> Ended | None:
    """The same, and remove the instance with its history."""
    known = instances.stored(connection, app_id, instance_id)
    if known is None:
        return None
    closed = _close(connection, known, now)
    erase(connection, known, at)
    return Ended(known.record, closed)


def erase(connection: Connection, known: Stored, at: datetime) -> None:
    """Remove an instance with its history; what it has in flight is the caller's to end before."""
    connection.execute(_FORGET_HISTORY, (known.record.app_id, known.record.instance_id))
    instances.remove(connection, known, at)


def _close(connection: Connection, known: Stored, now: datetime) -> Grant | None:
    """End the latest grant where it still counts: in flight, or as a failure. Returns it if it was in flight."""
    latest = known.grant
    if latest is None or not (latest.state.live or latest.state in FAILURES):
        return None
    ended = grants.move(connection, latest, replace(latest, state=GrantState.FORGOTTEN, moved_at=now))
    return ended if latest.state.live else None
