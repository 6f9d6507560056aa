"""When was the service up? Whoever serves writes a beat into the one row of the store; a gap between two of them was an outage of all.

What an outage moves is moved by the transaction that finds it.
"""

import json
from dataclasses import replace
from datetime import datetime

from omaha_api.store import grants, instances, rows
from omaha_api.store.database import Connection
from update_core.fleet import outages
from update_core.fleet.grants import Grant
from update_core.fleet.outages import Outage, Uptime
from update_core.fleet.store import Moved

_SELECT = "SELECT beat_at, outages FROM store"
_UPDATE = "UPDATE store SET beat_at = ?, outages = ?"
_SETTLING = "SELECT app_id, track, settling_seconds FROM groups WHERE in_flight > 0"
_DEADLINE = "UPDATE grants SET deadline = ? WHERE app_id = ? AND track = ? AND number = ?"


def uptime(connection: Connection) -> Uptime:
    """What the beats have told so far."""
    beat_at, told = connection.execute(_SELECT).fetchone()
    read = json.loads(told) if told else []
    found = tuple(Outage(rows.instant(began), rows.instant(ended)) for began, ended in read)
    return Uptime(rows.instant_or_none(beat_at), found)


def beat(connection: Connection, now: datetime, at: datetime) -> list[Grant]:
    """Write a beat. After a gap the deadlines of all that is in flight move; returns the grants that have new ones."""
    before = uptime(connection)
    after = outages.beat(before, now)
    told = [(rows.micros(outage.began_at), rows.micros(outage.ended_at)) for outage in after.outages]
    connection.execute(_UPDATE, (rows.micros(now), json.dumps(told) if told else ""))
    if after.outages == before.outages:
        return []
    return _move_deadlines(connection, after.outages[-1], at)


def expire(connection: Connection, now: datetime, limit: int, at: datetime) -> Moved:
    """End at most `limit` of the grants whose deadline has passed: a gap is found first, for it moves deadlines."""
    known = uptime(connection)
    moved = [] if outages.as_of(known, now).outages == known.outages else beat(connection, now, at)
    expired = grants.expire(connection, now, limit, at)
    return replace(expired, grants=(*moved, *expired.grants))


def _move_deadlines(connection: Connection, outage: Outage, at: datetime) -> list[Grant]:
    settling = {(app_id, track): seconds for app_id, track, seconds in connection.execute(_SETTLING).fetchall()}
    moved: list[Grant] = []
    for grant in grants.all_live(connection):
        deadline = outages.moved(grant.deadline, outage, settling.get((grant.app_id, grant.track), 0))
        after = replace(grant, deadline=deadline)
        connection.execute(_DEADLINE, (rows.micros(deadline), grant.app_id, grant.track, grant.number))
        held = instances.stored(connection, grant.app_id, grant.instance_id)
        if held is not None:
            instances.save(connection, replace(held, grant=grant), held.record, after, at)
        moved.append(after)
    return moved
