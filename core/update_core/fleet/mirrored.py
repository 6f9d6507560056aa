"""What is kept of a rollout, as its stamps are mirrored: each store keeps the same."""

from datetime import datetime

from update_core.fleet.progress import RolloutRecord
from update_core.rollout.model import Stamp
from update_core.rollout.plan import Course


def record(held: RolloutRecord | None, stamp: Stamp, course: Course, completed_at: datetime | None) -> RolloutRecord:
    """What is kept after a stamp; `held` is what was kept before it.

    Of one rollout nothing is taken back: another replica may have seen it further on, and an older catalog may come later.
    """
    # The same sequence with another salt is a status that was made anew before the store could tell of the first: the status is right.
    if held is not None and (held.version, held.salt) == (stamp.version, stamp.salt):
        course = course if _progress(course) >= _progress(held.course) else held.course
        completed_at = held.completed_at or completed_at
    return RolloutRecord(
        sequence=stamp.sequence,
        version=stamp.version,
        salt=stamp.salt,
        started_at=stamp.started_at,
        kind=stamp.kind,
        completed_at=completed_at,
        from_version=stamp.from_version,
        course=course,
    )


def _progress(course: Course) -> tuple[float, ...]:
    """What only ever rises in one rollout, most telling first."""
    opened = course.opened or ()
    return (
        course.epoch,
        course.halted is not None,
        course.dependencies_met_at is not None,
        # Where there are too many, one that a later one includes isn't told of any more.
        opened[-1].opened_at.timestamp() if opened else 0.0,
        len(opened),
        sum(wave.settled_at is not None for wave in opened),
        course.stopped_seconds,
    )
