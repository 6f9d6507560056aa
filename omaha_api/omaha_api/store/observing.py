"""What is written when an instance is heard: what it says of itself, and what that, or an event, moves its update to."""

from collections.abc import Sequence
from datetime import datetime

from omaha_api.store import grants, instances
from omaha_api.store.database import Connection
from update_core.fleet.evidence import Evidence, Reported
from update_core.fleet.grants import Grant, Timeouts
from update_core.fleet.store import Sighting


def observe(connection: Connection, sighting: Sighting, timeouts: Timeouts, at: datetime) -> list[Grant]:
    """Record the sighting; a grant whose version it reports is complete, one of another group that is left is moved."""
    known = instances.stored(connection, sighting.app_id, sighting.instance_id)
    latest = known.grant if known is not None else None
    report = Reported(version=sighting.version, boot_id=sighting.boot_id)
    moved = grants.weigh(connection, latest, (report,), timeouts, sighting.at)
    if moved:
        latest = moved[-1]
    if latest is not None and latest.state.live and latest.track != sighting.track:
        latest = grants.close(connection, latest, sighting.track, sighting.at)
        moved.append(latest)
    instances.save(connection, known, instances.seen(known, sighting), latest, at)
    return moved


def weigh(
    connection: Connection,
    app_id: str,
    instance_id: str,
    items: Sequence[Evidence],
    timeouts: Timeouts,
    now: datetime,
    at: datetime,
) -> list[Grant]:
    """Apply evidence, in order, to the instance's latest grant. Returns the grant after each move."""
    known = instances.stored(connection, app_id, instance_id)
    if known is None:
        return []
    moved = grants.weigh(connection, known.grant, items, timeouts, now)
    if moved:
        instances.save(connection, known, known.record, moved[-1], at)
    return moved
