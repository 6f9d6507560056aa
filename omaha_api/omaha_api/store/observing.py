"""What is written when an instance is heard: what it says of itself, and what that, or an event, moves its update to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from omaha_api.store import enrolling, grants, instances, outcomes
from omaha_api.store.database import Connection
from omaha_api.store.instances import Stored
from update_core.fleet import attempts
from update_core.fleet.enrolment import Growth
from update_core.fleet.evidence import Evidence, Reported
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.store import NOTHING_MOVED, InstanceRecord, Moved, Sighting


def observe(connection: Connection, sighting: Sighting, timeouts: Timeouts, growth: Growth, at: datetime) -> Moved:
    """Record the sighting; a grant whose version it reports is complete, one of another group that is left is moved."""
    known = instances.stored(connection, sighting.app_id, sighting.instance_id)
    if known is None:
        closed_until = enrolling.closed_until(connection, sighting.app_id, growth, at)
        if closed_until is not None:
            return Moved(enrolment_until=closed_until)
    latest = known.grant if known is not None else None
    report = Reported(version=sighting.version, boot_id=sighting.boot_id)
    moved = grants.weigh(connection, latest, (report,), timeouts, sighting.at)
    if moved:
        latest = moved[-1]
    if latest is not None and latest.state.live and latest.track != sighting.track:
        latest = grants.close(connection, latest, sighting.track, sighting.at)
        moved.append(latest)
    return _moved(connection, known, instances.seen(known, sighting), moved, latest, at)


def weigh(
    connection: Connection,
    app_id: str,
    instance_id: str,
    items: Sequence[Evidence],
    timeouts: Timeouts,
    now: datetime,
    at: datetime,
) -> Moved:
    """Apply evidence, in order, to the instance's latest grant. Returns the grant after each move."""
    known = instances.stored(connection, app_id, instance_id)
    if known is None:
        return NOTHING_MOVED
    moved = grants.weigh(connection, known.grant, items, timeouts, now)
    return _moved(connection, known, known.record, moved, moved[-1], at) if moved else NOTHING_MOVED


def _moved(
    connection: Connection,
    known: Stored | None,
    record: InstanceRecord,
    moved: Sequence[Grant],
    latest: Grant | None,
    at: datetime,
) -> Moved:
    """Save the instance with what its grant's moves say of it, and count what they are for the rollout."""
    if moved:
        record = replace(record, attempts=attempts.after(record.attempts, moved))
    instances.save(connection, known, record, latest, at)
    if not moved:
        return NOTHING_MOVED
    halted = outcomes.record(connection, moved)
    return Moved(tuple(moved), outcomes.ledgers(connection, halted))
