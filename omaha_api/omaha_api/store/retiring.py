"""Which instances are gone for good? Those that weren't heard for as long as their application keeps them: row, history, and all."""

from collections.abc import Sequence
from datetime import datetime

from omaha_api.store import ending, heartbeat, instances, rows
from omaha_api.store.database import Connection
from update_core.fleet import outages
from update_core.fleet.grants import PROGRESS

# The index has the time, so only those who were silent are looked at.
_SILENT = f"""
    SELECT instance_id FROM instances INDEXED BY instances_by_group
    WHERE app_id = ? AND last_seen < ? AND state NOT IN ({", ".join(f"'{state.value}'" for state in PROGRESS)}) LIMIT ?
"""  # noqa: S608 - the states are constants
# What it was in the latest rollout still says something of that: who doesn't survive an update falls silent.
_FORGET_SAMPLE = """
    DELETE FROM samples WHERE app_id = ? AND track = ? AND instance_id = ? AND sequence < (
        SELECT highest_sequence FROM groups WHERE groups.app_id = samples.app_id AND groups.track = samples.track
    )
"""


def silent(
    connection: Connection, app_id: str, retention_seconds: int, now: datetime, limit: int
) -> tuple[datetime, list[str]]:
    """Since when an instance must have been heard to be kept, and some of those that weren't and have nothing in flight."""
    uptime = outages.as_of(heartbeat.uptime(connection), now)
    since = outages.horizon(uptime, now, retention_seconds)
    return since, [name for (name,) in connection.execute(_SILENT, (app_id, rows.micros(since), limit))]


def retire(connection: Connection, app_id: str, silent_ones: Sequence[str], since: datetime, at: datetime) -> list[str]:
    """Remove these, but for those that were heard meanwhile or got a grant; returns the others."""
    gone: list[str] = []
    for instance_id in silent_ones:
        held = instances.stored(connection, app_id, instance_id)
        if held is None or held.record.last_seen >= since or (held.grant is not None and held.grant.state.live):
            continue
        connection.execute(_FORGET_SAMPLE, (app_id, held.record.track, instance_id))
        ending.erase(connection, held, at)
        gone.append(instance_id)
    return gone
