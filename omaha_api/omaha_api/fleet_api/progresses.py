"""How does a group's progress look as the status of a GroupProgress?

Its rollout in the very words of Group.status.rollout: what a lost status is made again from. Groups are few, so their models write it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from update_core import courses
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.fleet import progress as wire
from update_core.resources.rollout_status import Rollout
from update_core.rollout import waves
from update_core.rollout.advance import WaveCounts
from update_core.rollout.plan import Latch


def status(counted: GroupProgress) -> dict[str, Any]:
    """What was counted, as it is sent. Times are whole seconds."""
    return wire.GroupProgressStatus(
        rollout=None if counted.rollout is None else _rollout(counted.rollout),
        instances=wire.ProgressCounts(
            total=counted.total,
            active=counted.active,
            on_target=counted.on_target,
            in_progress=counted.in_progress,
            failed=counted.failed,
            in_progress_current=counted.in_progress_current,
            finished=counted.finished,
        ),
        waves=[_wave(name, counts) for name, counts in counted.waves.items()],
        latch=None if counted.latch is None else _latch(counted.latch),
        settled=counted.settled,
    ).to_wire()


def share(rollout: dict[str, Any], now: datetime) -> str:
    """The share that a linear rollout, as it is sent, lets move by now."""
    stamped = Rollout.model_validate(rollout)
    course = courses.read(stamped)
    if course.linear is None:
        return ""
    ppm = waves.ppm_at(course.linear, stamped.started_time, course.stopped(now), now)
    return f"{ppm // 1000 / 10:g}%"


def _rollout(record: RolloutRecord) -> Rollout:
    stamped = Rollout(
        sequence=record.sequence,
        version=record.version,
        kind="Rollback" if record.kind == "Rollback" else "Update",
        from_version=record.from_version or None,
        salt=record.salt,
        started_time=record.started_at,
        completed_time=_whole(record.completed_at) if record.completed_at is not None else None,
    )
    return courses.written(stamped, record.course)


def _wave(name: str, counts: WaveCounts) -> wire.ProgressWave:
    return wire.ProgressWave(
        name=name,
        granted=counts.granted,
        succeeded=counts.succeeded,
        failed=counts.failed,
        waiting=counts.waiting,
        ahead=counts.ahead,
    )


def _latch(latch: Latch) -> wire.ProgressLatch:
    halted = courses.halted(replace(latch, at=_whole(latch.at)))
    return wire.ProgressLatch(**halted.model_dump(), sequence=latch.sequence, epoch=latch.epoch)


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)
