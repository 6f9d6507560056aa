"""How does a rollout go on whose status was lost? From the fleet store's row of it: the same salt, start, waves and halt, a new number.

Outcomes are counted for a rollout's number, so those of the old one count no more: what they said is taken into the new course.
"""

from dataclasses import replace
from datetime import datetime

from update_core import courses
from update_core.fleet.progress import RolloutRecord
from update_core.resources.rollout_status import Rollout
from update_core.rollout.advance import NOBODY, WaveCounts
from update_core.rollout.plan import Course, Latch, Plan
from update_core.rollout.waves import Opened
from update_operator.reconcile import whole_seconds
from update_operator.reconcile.grounds import Grounds


def rollout(grounds: Grounds, record: RolloutRecord, sequence: int) -> Rollout:
    """The rollout of a row, under the next number."""
    progress = grounds.fleet.progress
    course = replace(
        record.course,
        halted=_halt(record, progress.latch if progress else None),
        # Nobody has watched meanwhile whether they stayed far enough.
        soaking=(),
    )
    counts = progress.waves if progress else {}
    if course.opened:
        *before, last = (_capped(opened, counts.get(opened.name, NOBODY)) for opened in course.opened)
        last = _still_expected(last, counts.get(last.name, NOBODY), grounds.plan, course, grounds.now)
        course = replace(course, opened=(*before, last))
    bare = Rollout(
        sequence=sequence,
        version=record.version,
        kind="Rollback" if record.kind == "Rollback" else "Update",
        from_version=record.from_version or None,
        salt=record.salt,
        changed_by=grounds.changed_by if record.kind == "Update" else None,
        started_time=record.started_at,
        completed_time=record.completed_at,
    )
    return courses.written(bare, course)


def _halt(record: RolloutRecord, latch: Latch | None) -> Latch | None:
    """A halt stays, also one that was latched and never got into the status. Under the new number it isn't latched in the store."""
    if record.course.halted is not None:
        return record.course.halted
    current = latch is not None and (latch.sequence, latch.epoch) == (record.sequence, record.course.epoch)
    return latch if current else None


def _capped(opened: Opened, counts: WaveCounts) -> Opened:
    """A wave of so many instances has room for the rest only: the store counts them anew under each number."""
    if opened.instances is None or not counts.granted:
        return opened
    rest = opened.instances - counts.granted
    # No wave has room for none, but one of nobody's share has.
    return replace(opened, instances=rest) if rest > 0 else replace(opened, instances=None, ppm=0)


def _still_expected(last: Opened, counts: WaveCounts, plan: Plan, course: Course, now: datetime) -> Opened:
    """The wave that was opened last expects those that have yet to succeed or fail; where enough have, its bake begins now."""
    if last.settled_at is not None:
        return last
    place = plan.index(last.name)
    percent = plan.waves[place].settle_percent if place is not None else 0
    outcomes = counts.succeeded + counts.failed
    if last.expected and outcomes * 100 < percent * last.expected:
        return replace(last, expected=last.expected - outcomes)
    stopped = whole_seconds.rounded_up(course.stopped(now))
    return replace(last, settled_at=whole_seconds.up(now), settled_after_stopped_seconds=stopped)
