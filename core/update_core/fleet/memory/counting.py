"""How far is each group? Counted from all that is in memory when asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from update_core.fleet import ahead, attributes, census
from update_core.fleet.ahead import Part
from update_core.fleet.attributes import Attributes
from update_core.fleet.census import Census, Kind
from update_core.fleet.grants import FAILURES, Grant
from update_core.fleet.memory.rows import GroupKey, GroupRow, Known, Memory
from update_core.fleet.progress import GroupProgress
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import ResolvedGroup


def progress(memory: Memory, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[GroupKey, GroupProgress]:
    """Counts of the given groups, and of those that a rollout is known of (whose Group may be gone)."""
    given = {(group.app_id, group.track): group for group in groups}
    heard: dict[GroupKey, list[Known]] = {key: [] for key in (*given, *memory.groups)}
    for known in memory.instances.values():
        if (known.app_id, known.track) in heard:
            heard[known.app_id, known.track].append(known)
    return {key: _progress(memory, key, given.get(key), instances, now) for key, instances in heard.items()}


def of_waves(row: GroupRow, waiting: Mapping[str, int], counted_ahead: Mapping[str, int]) -> Mapping[str, WaveCounts]:
    """Counts by wave. Failures count since the last resume; who succeeded before it is still there, and isn't granted again."""
    succeeded: Counter[str] = Counter()
    for (_, wave), tally in row.tallies.items():
        succeeded[wave] += tally[0]
    return MappingProxyType(
        {
            wave: WaveCounts(
                granted=row.through.get(wave, 0),
                succeeded=succeeded[wave],
                failed=row.tallies.get((row.epoch, wave), (0, 0))[1],
                waiting=count,
                ahead=counted_ahead.get(wave),
            )
            for wave, count in waiting.items()
        }
    )


def _progress(
    memory: Memory, key: GroupKey, group: ResolvedGroup | None, heard: Sequence[Known], now: datetime
) -> GroupProgress:
    row = memory.groups.get(key, GroupRow(*key))
    rollout = row.rollouts.get(row.highest_sequence)
    since = now - timedelta(seconds=DEFAULT_ACTIVE_SECONDS if group is None else group.active_seconds)
    until = census.known_until(rollout, group, now)
    refused = [known for known in heard if known.last_refusal in census.OUT_OF_REACH]
    by_machine = census.by_machine(group, rollout)

    def machine(known: Known) -> Attributes:
        return known.attributes if by_machine else attributes.NONE

    known_well = [known for known in heard if known.last_seen >= since and known.first_seen <= until]
    taken = Census(
        _kinds(heard, since, until, machine),
        _kinds(refused, since, until, lambda _: attributes.NONE),
    )
    standing = census.read(taken, group, rollout)
    return GroupProgress(
        app_id=key[0],
        track=key[1],
        rollout=rollout,
        total=standing.total,
        active=standing.active,
        on_target=standing.on_target,
        in_progress=row.in_flight,
        in_progress_current=sum(grant.sequence == row.highest_sequence for grant in _grants(memory.live.values(), key)),
        failed=sum(
            grant.sequence == row.highest_sequence and grant.state in FAILURES
            for grant in _grants(memory.instances.values(), key)
        ),
        finished=standing.finished,
        waves=of_waves(row, standing.waiting, _ahead(row, group, taken, known_well, machine)),
        latch=row.latch,
    )


def _ahead(
    row: GroupRow,
    group: ResolvedGroup | None,
    taken: Census,
    known_well: Iterable[Known],
    machine: Callable[[Known], Attributes],
) -> Mapping[str, int]:
    rollout = row.rollouts.get(row.highest_sequence)
    what = ahead.sought(group, rollout) if group is not None else None
    if group is None or rollout is None or what is None:
        return {}
    parts, counted = ahead.parts(what, taken, group, rollout), Counter[Part]()
    for known in known_well:
        part = parts.get((known.version, machine(known)))
        if part is None or not what.numbered.isdisjoint(known.waves(row.track, row.highest_sequence)):
            continue
        counted[part] += part.has(what.salt, known.instance_id)
    return {what.wave.name: ahead.total(what, counted, row.through)}


def _kinds(
    heard: Iterable[Known], since: datetime, until: datetime, machine: Callable[[Known], Attributes]
) -> tuple[Kind, ...]:
    total: Counter[tuple[str, Attributes]] = Counter()
    active, established = Counter(total), Counter(total)
    for known in heard:
        key = (known.version, machine(known))
        total[key] += 1
        if known.last_seen >= since:
            active[key] += 1
            established[key] += known.first_seen <= until
    return tuple(Kind(*key, count, active[key], established[key]) for key, count in total.items())


def _grants(instances: Iterable[Known], key: GroupKey) -> Iterable[Grant]:
    grants = (known.grant for known in instances if known.grant is not None)
    return (grant for grant in grants if (grant.app_id, grant.track) == key)
