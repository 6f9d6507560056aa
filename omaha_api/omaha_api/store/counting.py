"""How far is each group? Counted from rows when asked; nothing on the way of a check counts.

All numbers of a report are of one state of the database.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from omaha_api.store import censuses, courses, heartbeat, judgings
from omaha_api.store.censuses import Wanted, asked
from omaha_api.store.counting_ahead import CountsAhead
from omaha_api.store.database import Connection
from omaha_api.store.judgings import Through
from update_core.fleet import ahead, census, outages
from update_core.fleet.census import Census, Standing
from update_core.fleet.outages import Uptime
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import ResolvedGroup
from update_core.rollout.plan import Latch

GroupKey = tuple[str, str]
"""(app_id, track)."""

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
    ), groups.through, groups.latch, {courses.COLUMNS}))
    FROM groups JOIN rollouts ON rollouts.app_id = groups.app_id AND rollouts.track = groups.track
        AND rollouts.sequence = groups.highest_sequence
"""  # noqa: S608 - the columns are a constant
_TALLIES = """
    SELECT json_group_array(json_array(tallies.app_id, tallies.track, tallies.epoch, tallies.wave, tallies.succeeded, tallies.failed))
    FROM groups JOIN tallies ON tallies.app_id = groups.app_id AND tallies.track = groups.track
        AND tallies.sequence = groups.highest_sequence
"""
_LIVE = """
    SELECT json_group_array(json_array(app_id, track, sequence, count)) FROM (
        SELECT app_id, track, sequence, count(*) AS count FROM grants INDEXED BY live_deadlines WHERE live
        GROUP BY app_id, track, sequence
    ) AS counted
"""


@dataclass(frozen=True, slots=True)
class _Rollout:
    """The latest rollout of a group, and what is counted while it goes on."""

    record: RolloutRecord
    failed: int
    through: Through
    latch: Latch | None


@dataclass(frozen=True, slots=True)
class _Tally:
    """Outcomes of one wave in one epoch of the latest rollout."""

    epoch: int
    wave: str
    succeeded: int
    failed: int


def progress(
    connection: Connection, groups: Sequence[ResolvedGroup], counts_ahead: CountsAhead, now: datetime
) -> dict[GroupKey, GroupProgress]:
    """Counts of the given groups, and of those that a rollout is known of (whose Group may be gone)."""
    given = {(group.app_id, group.track): group for group in groups}
    rollouts, tallies, live = _rollouts(connection), _tallies(connection), _live(connection)
    uptime = outages.as_of(heartbeat.uptime(connection), now)
    keys = [*given, *(key for key in rollouts if key not in given)]
    wanted = [_wanted(key, given.get(key), rollouts.get(key), uptime, now) for key in keys]
    counted: dict[GroupKey, GroupProgress] = {}
    for key, each, found in zip(keys, wanted, censuses.take(connection, wanted), strict=True):
        group, rollout = given.get(key), rollouts.get(key)
        standing = census.read(found, group, rollout.record if rollout is not None else None)
        told = _progress(
            key,
            standing,
            rollout,
            live[key],
            tallies[key],
            settled=_settled(connection, key, group, uptime, now),
        )
        counted[key] = _with_ahead(connection, told, group, each, found, counts_ahead)
    return counted


def _wanted(
    key: GroupKey, group: ResolvedGroup | None, rollout: _Rollout | None, uptime: Uptime, now: datetime
) -> Wanted:
    record = rollout.record if rollout is not None else None
    return Wanted(
        *key,
        active_since=outages.horizon(uptime, now, _active_seconds(group)),
        known_until=census.known_until(record, group, now),
        by_machine=census.by_machine(group, record),
    )


def _progress(
    key: GroupKey,
    standing: Standing,
    rollout: _Rollout | None,
    live: Mapping[int, int],
    tallies: Sequence[_Tally],
    *,
    settled: bool,
) -> GroupProgress:
    app_id, track = key
    return GroupProgress(
        app_id=app_id,
        track=track,
        rollout=rollout.record if rollout is not None else None,
        total=standing.total,
        active=standing.active,
        on_target=standing.on_target,
        in_progress=sum(live.values()),
        in_progress_current=live.get(rollout.record.sequence, 0) if rollout is not None else 0,
        failed=rollout.failed if rollout is not None else 0,
        finished=standing.finished,
        waves=_waves(rollout, standing.waiting, tallies) if rollout is not None else MappingProxyType({}),
        latch=rollout.latch if rollout is not None else None,
        settled=settled,
    )


def _waves(rollout: _Rollout, waiting: Mapping[str, int], tallies: Sequence[_Tally]) -> Mapping[str, WaveCounts]:
    """Failures count since the last resume; who succeeded before it is still there, and isn't granted again."""
    epoch = rollout.record.course.epoch
    return MappingProxyType(
        {
            wave: WaveCounts(
                granted=rollout.through.get(wave, 0),
                succeeded=sum(tally.succeeded for tally in tallies if tally.wave == wave),
                failed=sum(tally.failed for tally in tallies if tally.wave == wave and tally.epoch == epoch),
                waiting=count,
            )
            for wave, count in waiting.items()
        }
    )


def _with_ahead(
    connection: Connection,
    told: GroupProgress,
    group: ResolvedGroup | None,
    wanted: Wanted,
    found: Census,
    counts_ahead: CountsAhead,
) -> GroupProgress:
    """The progress with how many the next wave would let in, while that has to be known."""
    what = ahead.sought(group, told.rollout) if group is not None else None
    if group is None or told.rollout is None or what is None or what.wave.name not in told.waves:
        return told
    parts = ahead.parts(what, found, group, told.rollout)
    through = {name: counts.granted for name, counts in told.waves.items()}
    counts = replace(told.waves[what.wave.name], ahead=counts_ahead.of(connection, wanted, what, parts, through))
    return replace(told, waves=MappingProxyType({**told.waves, what.wave.name: counts}))


def _active_seconds(group: ResolvedGroup | None) -> int:
    return group.active_seconds if group is not None else DEFAULT_ACTIVE_SECONDS


def _settled(connection: Connection, key: GroupKey, group: ResolvedGroup | None, uptime: Uptime, now: datetime) -> bool:
    poll, active = group.poll_interval_seconds if group is not None else None, _active_seconds(group)
    if outages.settled(uptime, now, outages.settling_seconds(active, poll)):
        return True
    silent = outages.silent(uptime, now, active)
    return silent is not None and not censuses.unheard(connection, *key, *silent)


def _rollouts(connection: Connection) -> dict[GroupKey, _Rollout]:
    return {
        (app_id, track): _Rollout(
            courses.to_record(tuple(row)), failed, judgings.to_through(through), judgings.to_latch(latch)
        )
        for app_id, track, failed, through, latch, *row in asked(connection, _ROLLOUTS)
    }


def _tallies(connection: Connection) -> defaultdict[GroupKey, list[_Tally]]:
    tallies: defaultdict[GroupKey, list[_Tally]] = defaultdict(list)
    for app_id, track, *tally in asked(connection, _TALLIES):
        tallies[app_id, track].append(_Tally(*tally))
    return tallies


def _live(connection: Connection) -> defaultdict[GroupKey, dict[int, int]]:
    """Live grants by group and sequence."""
    live: defaultdict[GroupKey, dict[int, int]] = defaultdict(dict)
    for app_id, track, sequence, count in asked(connection, _LIVE):
        live[app_id, track][sequence] = count
    return live
