"""What is kept of a rollout, and what begins anew with it or with its resumption?"""

from dataclasses import replace
from datetime import datetime, timedelta

from update_core.fleet.memory.rows import GroupRow, Memory
from update_core.fleet.progress import RolloutRecord
from update_core.rollout.model import ResolvedGroup, Stamp

BIRTH_SLACK = timedelta(minutes=1)
"""How far the operator's clock may lie behind the store's without a first rollout being taken for one that a lost store knew."""


def row(memory: Memory, group: ResolvedGroup, now: datetime) -> GroupRow:
    """The group's row, as if its stamp had been mirrored: a grant may come before the mirror does. Without a stamp it isn't kept."""
    found = memory.groups.get((group.app_id, group.track))
    stamp = group.stamp
    if stamp is None:
        return found or GroupRow(group.app_id, group.track)
    if found is not None and found.highest_sequence >= stamp.sequence:
        return found
    return mirror(memory, group, stamp, completed=False, now=now)


def mirror(memory: Memory, group: ResolvedGroup, stamp: Stamp, *, completed: bool, now: datetime) -> GroupRow:
    """Write a stamp that isn't older than the latest; returns the group's row after it."""
    key = (group.app_id, group.track)
    found = memory.groups.get(key)
    if found is None:
        found = GroupRow(group.app_id, group.track)
        if _was_lost(memory, stamp):
            quiet = max(group.limits.period_seconds, group.timeouts.update_seconds)
            found.quiet_until = now + timedelta(seconds=quiet)
        memory.groups[key] = found
    if stamp.sequence > found.highest_sequence:
        found.highest_sequence = stamp.sequence
        found.through = {}
        _judge_anew(found, epoch=0)
    _follow(found, group)
    found.rollouts[stamp.sequence] = _record(
        found.rollouts.get(stamp.sequence), group, stamp, now if completed else None
    )
    return found


def _follow(found: GroupRow, group: ResolvedGroup) -> None:
    course = group.course
    found.halt_on = group.plan.halt_on
    opened = course.opened or ()
    found.wave = opened[-1].name if opened else ""
    found.counting_waves = frozenset(wave.name for wave in opened if wave.instances is not None)
    if course.epoch > found.epoch:
        _judge_anew(found, course.epoch)


def _judge_anew(found: GroupRow, epoch: int) -> None:
    found.epoch = epoch
    found.samples.clear()
    found.tallies.clear()


def _record(
    before: RolloutRecord | None, group: ResolvedGroup, stamp: Stamp, completed_at: datetime | None
) -> RolloutRecord:
    # The same sequence with another salt is a status that was made anew before this store could tell of the first: the status is right.
    same = before is not None and (before.version, before.salt) == (stamp.version, stamp.salt)
    if before is not None and same:
        completed_at = before.completed_at or completed_at
        return replace(
            before, kind=stamp.kind, started_at=stamp.started_at, completed_at=completed_at, course=group.course
        )
    return RolloutRecord(
        sequence=stamp.sequence,
        version=stamp.version,
        salt=stamp.salt,
        started_at=stamp.started_at,
        kind=stamp.kind,
        completed_at=completed_at,
        from_version=stamp.from_version,
        course=group.course,
    )


def _was_lost(memory: Memory, stamp: Stamp) -> bool:
    """Whether grants were given for this group that no row tells of: it isn't its first rollout, or older than this store."""
    return stamp.sequence > 1 or stamp.started_at < memory.born_at - BIRTH_SLACK
