"""How far is each group? Counted from rows when asked; nothing on the way of a check counts.

All numbers of a report are of one state of the database.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from omaha_api.store import rows
from omaha_api.store.database import Connection
from update_core import versions
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_core.rollout.model import ResolvedGroup

GroupKey = tuple[str, str]
"""(app_id, track)."""

_ROLLOUTS = f"""
    SELECT groups.app_id, groups.track, {rows.ROLLOUT_COLUMNS} FROM groups
    JOIN rollouts ON rollouts.app_id = groups.app_id AND rollouts.track = groups.track
        AND rollouts.sequence = groups.highest_sequence
"""  # noqa: S608 - the columns are a constant
_INSTANCES = """
    SELECT version, count(*), count(*) FILTER (WHERE last_seen >= ?) FROM instances INDEXED BY instances_by_group
    WHERE app_id = ? AND track = ? GROUP BY version
"""
_LIVE = """
    SELECT app_id, track, sequence, count(*) FROM grants INDEXED BY live_deadlines WHERE live GROUP BY app_id, track, sequence
"""
# An instance that failed and was granted again within the rollout counts as what became of the later grant.
_FAILED = """
    SELECT count(*) FROM grants AS failed INDEXED BY failed_grants
    WHERE failed.app_id = ? AND failed.track = ? AND failed.sequence = ? AND failed.failed AND NOT EXISTS (
        SELECT 1 FROM grants AS later INDEXED BY grants_by_instance
        WHERE later.app_id = failed.app_id AND later.instance_id = failed.instance_id AND later.track = failed.track
            AND later.number > failed.number AND later.sequence = failed.sequence
    )
"""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Instances of one group that report one version."""

    version: str
    total: int
    active: int


def progress(connection: Connection, groups: Sequence[ResolvedGroup], now: datetime) -> dict[GroupKey, GroupProgress]:
    """Counts of the given groups, and of those that a rollout is known of (whose Group may be gone)."""
    known = {(app_id, track): rows.to_rollout(tuple(row)) for app_id, track, *row in connection.execute(_ROLLOUTS)}
    active_seconds = {(group.app_id, group.track): group.active_seconds for group in groups}
    live = _live(connection)
    counted: dict[GroupKey, GroupProgress] = {}
    for key in [*active_seconds, *(key for key in known if key not in active_seconds)]:
        since = now - timedelta(seconds=active_seconds.get(key, DEFAULT_ACTIVE_SECONDS))
        heard = _heard(connection, key, since)
        counted[key] = _progress(key, known.get(key), heard, live[key], _failed(connection, key, known.get(key)))
    return counted


def _progress(
    key: GroupKey, rollout: RolloutRecord | None, heard: Iterable[_Heard], live: dict[int, int], failed: int
) -> GroupProgress:
    app_id, track = key
    heard = tuple(heard)
    return GroupProgress(
        app_id=app_id,
        track=track,
        rollout=rollout,
        total=sum(each.total for each in heard),
        active=sum(each.active for each in heard),
        on_target=sum(each.active for each in heard if rollout is not None and _reached(each.version, rollout.version)),
        in_progress=sum(live.values()),
        in_progress_current=live.get(rollout.sequence, 0) if rollout else 0,
        failed=failed,
    )


def _reached(version: str, target: str) -> bool:
    current, wanted = versions.parse_or_none(version), versions.parse_or_none(target)
    return current is not None and wanted is not None and current >= wanted


def _heard(connection: Connection, key: GroupKey, since: datetime) -> list[_Heard]:
    return [_Heard(*row) for row in connection.execute(_INSTANCES, (rows.micros(since), *key))]


def _live(connection: Connection) -> defaultdict[GroupKey, dict[int, int]]:
    """Live grants by group and sequence."""
    live: defaultdict[GroupKey, dict[int, int]] = defaultdict(dict)
    for app_id, track, sequence, count in connection.execute(_LIVE):
        live[app_id, track][sequence] = count
    return live


def _failed(connection: Connection, key: GroupKey, rollout: RolloutRecord | None) -> int:
    if rollout is None:
        return 0
    (count,) = connection.execute(_FAILED, (*key, rollout.sequence)).fetchone()
    return int(count)
