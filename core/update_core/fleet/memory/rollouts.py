"""What is kept of a rollout, and what begins anew with it or with its resumption?"""

from datetime import datetime, timedelta

from update_core.fleet import mirrored
from update_core.fleet.memory.rows import GroupRow, Memory
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
        found.through, found.tallies = {}, {}
    follow(found, group, stamp)
    if (stamp.sequence, group.course.epoch, len(group.course.opened or ())) == found.judged:
        found.halt_on = group.plan.halt_on
    held = found.rollouts.get(stamp.sequence)
    found.rollouts[stamp.sequence] = mirrored.record(held, stamp, group.course, now if completed else None)
    return found


def follow(found: GroupRow, group: ResolvedGroup, stamp: Stamp) -> None:
    """Judge outcomes by the group from now on, where its rollout is further on than what was heard of it."""
    opened = group.course.opened or ()
    judged = (stamp.sequence, group.course.epoch, len(opened))
    if judged <= found.judged:
        return
    if judged[:2] != found.judged[:2]:
        found.samples.clear()
        found.recent.clear()
    found.judged = judged
    found.halt_on = group.plan.halt_on
    found.wave = opened[-1].name if opened else ""
    found.counting_waves = frozenset(wave.name for wave in opened if wave.instances is not None)


def _was_lost(memory: Memory, stamp: Stamp) -> bool:
    """Whether grants were given for this group that no row tells of: it isn't its first rollout, or older than this store."""
    return stamp.sequence > 1 or stamp.started_at < memory.born_at - BIRTH_SLACK
