"""How far is each group? Counted from rows when asked; nothing on the way of a check counts.

All numbers of a report are of one state of the database.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from omaha_api.store import rows
from omaha_api.store.database import Connection
from update_core import versions
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_core.rollout.model import ResolvedGroup

GroupKey = tuple[str, str]
"""(app_id, track)."""

# Each of these gives one row, a JSON document: asked row by row, the interpreter's lock would change hands for each of thousands, and the
# event loop would wait for it as often.
#
# An instance that failed and was granted again within the rollout counts as what became of the later grant.
_ROLLOUTS = f"""
    SELECT json_group_array(json_array(groups.app_id, groups.track, (
        SELECT count(*) FROM grants AS failed INDEXED BY failed_grants
        WHERE failed.app_id = groups.app_id AND failed.track = groups.track AND failed.sequence = groups.highest_sequence AND failed.failed
            AND NOT EXISTS (
                SELECT 1 FROM grants AS later INDEXED BY grants_by_instance
                WHERE later.app_id = failed.app_id AND later.instance_id = failed.instance_id AND later.track = failed.track
                    AND later.number > failed.number AND later.sequence = failed.sequence
            )
    ), {rows.ROLLOUT_COLUMNS}))
    FROM groups JOIN rollouts ON rollouts.app_id = groups.app_id AND rollouts.track = groups.track
        AND rollouts.sequence = groups.highest_sequence
"""  # noqa: S608 - the columns are a constant
_INSTANCES = """
    SELECT json_group_array(json((
        SELECT json_group_array(json_array(version, total, active)) FROM (
            SELECT version, count(*) AS total, count(*) FILTER (WHERE last_seen >= wanted.since) AS active
            FROM instances INDEXED BY instances_by_group WHERE app_id = wanted.app_id AND track = wanted.track GROUP BY version
        ) AS heard
    )))
    FROM (
        SELECT value ->> 0 AS app_id, value ->> 1 AS track, CAST(value ->> 2 AS BIGINT) AS since FROM json_each(?)
    ) AS wanted
"""
_LIVE = """
    SELECT json_group_array(json_array(app_id, track, sequence, count)) FROM (
        SELECT app_id, track, sequence, count(*) AS count FROM grants INDEXED BY live_deadlines WHERE live
        GROUP BY app_id, track, sequence
    ) AS counted
"""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Instances of one group that report one version."""

    version: str
    total: int
    active: int


def progress(connection: Connection, groups: Sequence[ResolvedGroup], now: datetime) -> dict[GroupKey, GroupProgress]:
    """Counts of the given groups, and of those that a rollout is known of (whose Group may be gone)."""
    known = {
        (app_id, track): (rows.to_rollout(tuple(row)), failed)
        for app_id, track, failed, *row in _asked(connection, _ROLLOUTS)
    }
    active_seconds = {(group.app_id, group.track): group.active_seconds for group in groups}
    live = _live(connection)
    keys = [*active_seconds, *(key for key in known if key not in active_seconds)]
    since = {
        seconds: rows.micros(now - timedelta(seconds=seconds))
        for seconds in {*active_seconds.values(), DEFAULT_ACTIVE_SECONDS}
    }
    wanted = [(*key, since[active_seconds.get(key, DEFAULT_ACTIVE_SECONDS)]) for key in keys]
    heard = _asked(connection, _INSTANCES, json.dumps(wanted))
    counted: dict[GroupKey, GroupProgress] = {}
    for key, instances in zip(keys, heard, strict=True):
        rollout, failed = known.get(key, (None, 0))
        counted[key] = _progress(key, rollout, [_Heard(*row) for row in instances], live[key], failed)
    return counted


def _asked(connection: Connection, statement: str, *parameters: str) -> list[list[Any]]:
    ((answer,),) = connection.execute(statement, parameters).fetchall()
    found: list[list[Any]] = json.loads(answer)
    return found


def _progress(
    key: GroupKey, rollout: RolloutRecord | None, heard: Sequence[_Heard], live: dict[int, int], failed: int
) -> GroupProgress:
    app_id, track = key
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


def _live(connection: Connection) -> defaultdict[GroupKey, dict[int, int]]:
    """Live grants by group and sequence."""
    live: defaultdict[GroupKey, dict[int, int]] = defaultdict(dict)
    for app_id, track, sequence, count in _asked(connection, _LIVE):
        live[app_id, track][sequence] = count
    return live
