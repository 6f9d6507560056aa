"""How far is each group? Counted from all that is in memory when asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from update_core import architectures, versions
from update_core.fleet.grants import FAILURES
from update_core.fleet.memory.rows import GroupKey, GroupRow, Known, Memory
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import DEFAULT_ACTIVE_SECONDS
from update_core.rollout import waves
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import Reason, ResolvedGroup
from update_core.rollout.waves import Asking, Match

FINISHED = frozenset({Reason.ATTEMPTS_EXHAUSTED.value, Reason.DEAD_END.value, Reason.EXCLUDED.value})
"""Refusals that say of an instance that it can't be brought to the version."""


def progress(memory: Memory, groups: Sequence[ResolvedGroup], now: datetime) -> Mapping[GroupKey, GroupProgress]:
    """Counts of the given groups, and of those that a rollout is known of (whose Group may be gone)."""
    given = {(group.app_id, group.track): group for group in groups}
    heard: dict[GroupKey, list[Known]] = {key: [] for key in (*given, *memory.groups)}
    for known in memory.instances.values():
        if (known.app_id, known.track) in heard:
            heard[known.app_id, known.track].append(known)
    return {key: _progress(memory, key, given.get(key), instances, now) for key, instances in heard.items()}


def _progress(
    memory: Memory, key: GroupKey, group: ResolvedGroup | None, heard: Sequence[Known], now: datetime
) -> GroupProgress:
    row = memory.groups.get(key, GroupRow(*key))
    rollout = row.rollouts.get(row.highest_sequence)
    since = now - timedelta(seconds=DEFAULT_ACTIVE_SECONDS if group is None else group.active_seconds)
    active = [known for known in heard if known.last_seen >= since]
    below = [known for known in active if rollout is None or not reached(rollout, known.version)]
    return GroupProgress(
        app_id=key[0],
        track=key[1],
        rollout=rollout,
        total=len(heard),
        active=len(active),
        on_target=len(active) - len(below),
        in_progress=row.in_flight,
        in_progress_current=_live(memory, key, row.highest_sequence),
        failed=_failed(memory, key, row.highest_sequence),
        finished=sum(known.last_refusal in FINISHED for known in below),
        waves=_waves(memory, row, group, rollout, below, now),
        latch=row.latch,
    )


def reached(rollout: RolloutRecord, version: str) -> bool:
    """Whether an instance of a version is where the rollout brings it; in a rollback everybody is but who runs what was halted."""
    if rollout.kind == "Rollback":
        return not versions.same(version, rollout.from_version)
    current, wanted = versions.parse_or_none(version), versions.parse_or_none(rollout.version)
    return current is not None and wanted is not None and current >= wanted


def _live(memory: Memory, key: GroupKey, sequence: int) -> int:
    grants = (known.grant for known in memory.live.values())
    return sum(
        grant is not None and (grant.app_id, grant.track) == key and grant.sequence == sequence for grant in grants
    )


def _failed(memory: Memory, key: GroupKey, sequence: int) -> int:
    grants = (known.grant for known in memory.instances.values() if known.grant is not None)
    return sum(
        (grant.app_id, grant.track) == key and grant.sequence == sequence and grant.state in FAILURES
        for grant in grants
    )


def _waves(
    memory: Memory,
    row: GroupRow,
    group: ResolvedGroup | None,
    rollout: RolloutRecord | None,
    below: Sequence[Known],
    now: datetime,
) -> Mapping[str, WaveCounts]:
    """Of the established instances, by every wave that is open or planned."""
    matches: dict[str, Match] = {wave.name: wave.match for wave in (group.plan.waves if group is not None else ())}
    opened = rollout.course.opened if rollout is not None else None
    matches |= {wave.name: wave.match for wave in opened or ()}
    let_in: Counter[str] = Counter()
    for known in memory.instances.values():
        if known.app_id == row.app_id:
            let_in.update(known.waves(row.track, row.highest_sequence))
    established = [known for known in below if _established(known, group, rollout, now)]
    counted: dict[str, WaveCounts] = {}
    for name, match in matches.items():
        succeeded, failed = row.tallies.get(name, (0, 0))
        waiting = sum(waves.matches(match, _asking(known)) for known in established)
        counted[name] = WaveCounts(let_in[name], succeeded, failed, waiting)
    return counted


def _established(known: Known, group: ResolvedGroup | None, rollout: RolloutRecord | None, now: datetime) -> bool:
    if rollout is None or known.first_seen >= rollout.started_at:
        return False
    seconds = group.plan.min_age_seconds if group is not None else 0
    return now - known.first_seen >= timedelta(seconds=seconds)


def _asking(known: Known) -> Asking:
    machine = known.attributes
    arch = architectures.of(board=machine.board, arch=machine.arch, sp=machine.sp)
    return Asking(known.instance_id, machine, arch, known.version)
